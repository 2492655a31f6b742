"""The way back: from a result's light to the SDR codes that it was made of, by what lit the frame.

The generated light is divided out, and the placement, one curve and one matrix of three smooth, rising functions, is
inverted by Newton's method in every pixel.
"""

import struct
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.inference.active_area import WHOLE, Area
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve, place, static_curve

_STEPS = 8
_DIFFERENCE = 2e-3  # of a code value, for slopes
_NEAR = 1e-4  # PQ: a tenth of a code of 10 bits
_LARGEST_STEP = 0.25  # of the code range
_BAND_PIXELS = 1 << 18
_HEADER = struct.Struct("<III4d")  # knots, height and width of the stops, the active area
_PER_STOP = 80  # codes of 8 bits a stop: to a third of an SDR code near white


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """What lit one frame: its ``placement`` [1], and ``stops`` [1,1,h,w] that were generated on top of it, inside of
    ``area``."""

    placement: ToneCurve
    stops: Tensor
    area: Area = WHOLE


def restored(hdr_pq: Tensor, lighting: Lighting) -> Tensor:
    """PQ/BT.2020 [1,3,H,W] -> the SDR codes [1,3,H,W] in [0,1] that ``lighting`` made it of."""
    height, width = hdr_pq.shape[-2:]
    active = lighting.area.of(hdr_pq)
    nits = (pq.eotf(active) + OFFSET_NITS) / torch.exp2(lighting.stops.clamp(0, LARGEST_STOPS)) - OFFSET_NITS
    inner = _inverted(pq.inverse_eotf(nits.clamp(0, pq.PQ_PEAK_NITS)), lighting.placement)
    bars = lighting.area.bars(height, width)
    if not bars:
        return inner
    whole = torch.zeros_like(hdr_pq)
    whole[:, :, *lighting.area.box(height, width)] = inner
    for bar in bars:
        whole[:, :, *bar] = _inverted(hdr_pq[:, :, *bar], static_curve(lighting.placement))
    return whole


def _inverted(base_pq: Tensor, placement: ToneCurve) -> Tensor:
    rows = max(1, _BAND_PIXELS // base_pq.shape[-1])
    return torch.cat([_band(band, placement) for band in base_pq.split(rows, dim=-2)], dim=-2)


def _band(wanted: Tensor, placement: ToneCurve) -> Tensor:
    """Newton's method with slopes by differences, on the pixels that are not near yet; each keeps its best."""
    shape, wanted = wanted.shape, wanted.flatten(2)[:, :, None]
    codes = _begin(wanted, placement)
    best, least = codes.clone(), torch.full_like(codes[:, :1], torch.inf)
    left = torch.arange(wanted.shape[-1], device=wanted.device)
    for step in range(_STEPS + 1):
        error = wanted[..., left] - place(codes, placement)
        size = error.abs().amax(dim=1, keepdim=True)
        nearer = size < least[..., left]
        best[..., left] = torch.where(nearer, codes, best[..., left])
        least[..., left] = size.minimum(least[..., left])
        far = size[0, 0, 0] >= _NEAR
        if step == _STEPS or not far.any():
            break
        left, codes, error = left[far], codes[..., far], error[..., far]
        codes = (codes + _step(codes, error, placement)).clamp(0, 1)
    return best.view(shape)


def _step(codes: Tensor, error: Tensor, placement: ToneCurve) -> Tensor:
    """Of pixels [1,3,1,n]: the damped solution of their three equations, by Cramer's rule."""
    light = place(codes, placement)
    columns = []
    for channel in range(3):
        other = codes.clone()
        change = torch.where(codes[:, channel] > 0.5, -_DIFFERENCE, _DIFFERENCE)
        other[:, channel] += change
        columns.append((place(other, placement) - light) / change[:, None])
    first, second, third = columns
    cross = torch.linalg.cross(second, third, dim=1)
    determinant = (first * cross).sum(dim=1, keepdim=True)
    determinant = torch.where(determinant.abs() < 1e-5, torch.full_like(determinant, 1e-5), determinant)
    step = torch.cat(
        [
            (error * cross).sum(dim=1, keepdim=True),
            (error * torch.linalg.cross(third, first, dim=1)).sum(dim=1, keepdim=True),
            (error * torch.linalg.cross(first, second, dim=1)).sum(dim=1, keepdim=True),
        ],
        dim=1,
    )
    return (step / determinant).clamp(-_LARGEST_STEP, _LARGEST_STEP)


def _begin(wanted: Tensor, placement: ToneCurve) -> Tensor:
    """Of every channel the code of the grey that has its light."""
    greys = torch.linspace(0, 1, 1025, dtype=wanted.dtype, device=wanted.device)
    light = place(greys.expand(1, 3, 1, -1), placement)[0, :, 0]
    channels = []
    for index in range(3):
        curve = torch.cummax(light[index].contiguous(), dim=0).values
        channels.append(greys[torch.searchsorted(curve, wanted[:, index].contiguous()).clamp(max=1024)])
    return torch.stack(channels, dim=1)


def packed(lighting: Lighting) -> bytes:
    """Numbers of the tone as doubles, and stops as codes of 8 bits, little-endian; ``unpacked`` reads them."""
    placement, area = lighting.placement, lighting.area
    knots = placement.knots
    parts = [
        knots.x,
        knots.y,
        knots.derivatives,
        placement.floor,
        placement.top,
        placement.by_channel,
        placement.matrix,
    ]
    numbers = np.concatenate([part[0].detach().cpu().double().numpy().ravel() for part in parts])
    stops = lighting.stops[0, 0].cpu().numpy()
    height, width = stops.shape
    codes = (stops * _PER_STOP + 0.5).clip(0, 255).astype(np.uint8)
    header = _HEADER.pack(knots.x.shape[1], height, width, area.top, area.bottom, area.left, area.right)
    return header + numbers.astype("<f8").tobytes() + (codes.tobytes() if codes.any() else b"")


def unpacked(data: bytes) -> Lighting:
    """Raises ValueError or struct.error for other bytes, and for numbers that are none."""
    count, height, width, top, bottom, left, right = _HEADER.unpack_from(data)
    numbers = np.frombuffer(data, "<f8", 3 * count + 12, _HEADER.size).astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("its tone holds NaN or infinite values")
    parts = [torch.from_numpy(part.copy())[None] for part in np.split(numbers, [count, 2 * count, 3 * count])]
    rest = parts[3][0]
    codes = data[_HEADER.size + 8 * (3 * count + 12) :]
    stops = torch.zeros(1, 1, height, width)
    if codes:
        stops = torch.from_numpy(np.frombuffer(codes, np.uint8).reshape(1, 1, height, width).copy()).float() / _PER_STOP
    return Lighting(
        placement=ToneCurve(
            knots=Knots(x=parts[0], y=parts[1], derivatives=parts[2]),
            floor=rest[0:1],
            top=rest[1:2],
            by_channel=rest[2:3],
            matrix=rest[3:].view(1, 3, 3),
        ),
        stops=stops,
        area=Area(top=top, bottom=bottom, left=left, right=right),
    )
