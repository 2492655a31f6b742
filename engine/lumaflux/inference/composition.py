"""The full-resolution end of detail transfer: the source's own pixels in the model's light, band by band of rows.

Nothing here holds more than a band beside source and result, so that any frame costs a few buffers of its size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS, GuidedFilter, clipping, guide_of, guided_filter
from lumaflux.model.spline import PEAK_PQ
from lumaflux.model.tone_predictor import ToneCurve, curve_table
from lumaflux.ops import gain_map

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

BAND_PIXELS = 1 << 19
_CURVE_ENTRIES = 16385
_MASK_REACH = 2  # rows that the mask of clipped areas sees beyond its own


@dataclass(frozen=True, kw_only=True)
class GainGrid:
    """What the model made of the reduced frame: its gain as lines, and the structure that the lines do not follow,
    in stops [B,3,h,w]."""

    guided: GuidedFilter
    structure: Tensor

    @classmethod
    def of(cls, gain: Tensor, base_pq: Tensor) -> "GainGrid":
        """A gain in stops [B,3,h,w] over the placed frame [B,3,h,w], PQ/BT.2020."""
        guide = guide_of(base_pq)
        guided = guided_filter(gain, guide)
        return cls(guided=guided, structure=gain - guided.of(guide))

    @classmethod
    def of_highlights(cls, stops: Tensor) -> "GainGrid":
        """Stops [B,3,h,w] for clipped areas alone: all of it structure, and no light elsewhere."""
        nothing = torch.zeros_like(stops)
        return cls(guided=GuidedFilter(slope=nothing, level=nothing), structure=stops)


def compose(
    smooth: Tensor,
    sdr: Tensor,
    place: Callable[[Tensor], Tensor],
    light: GainGrid,
    recovery: float,
    placement: ToneCurve | None = None,
    *,
    into_smooth: bool = False,
) -> Tensor:
    """SDR codes [B,3,H,W], free of steps (``smooth``) and as they came, -> PQ/BT.2020 [B,3,H,W].

    ``place`` puts codes of any part of the frame in PQ/BT.2020 light; ``placement`` says how, if a tone predictor found
    it. ``recovery`` in [0,1]: how much of the generated structure enters where the source is clipped.
    ``into_smooth``: the result takes the memory of ``smooth``, whose rows are each read before they are written; where
    that is the source's own, memory of its own.
    """
    into_smooth = into_smooth and smooth.data_ptr() != sdr.data_ptr()
    if lumaflux_native is not None and placement is not None and sdr.device.type == "cpu":
        return _native(smooth, sdr, light, recovery, placement, into_smooth=into_smooth)
    return compose_reference(smooth, sdr, place, light, recovery, into_smooth=into_smooth)


def _native(
    smooth: Tensor, sdr: Tensor, light: GainGrid, recovery: float, placement: ToneCurve, *, into_smooth: bool
) -> Tensor:
    assert lumaflux_native is not None
    curves = pq.eotf(curve_table(placement, _CURVE_ENTRIES))
    frames = []
    for index, codes in enumerate(sdr):
        composed = lumaflux_native.compose(
            smooth[index].numpy(),
            codes.numpy(),
            curves[index].numpy(),
            float(placement.by_channel[index]),
            placement.matrix[index].numpy(),
            PEAK_PQ,
            light.guided.slope[index].numpy(),
            light.guided.level[index].numpy(),
            light.structure[index].numpy(),
            recovery,
            torch.get_num_threads(),
            into_smooth,
        )
        frames.append(torch.from_numpy(composed))
    return torch.stack(frames) if len(frames) > 1 else frames[0][None]


def compose_reference(
    smooth: Tensor,
    sdr: Tensor,
    place: Callable[[Tensor], Tensor],
    light: GainGrid,
    recovery: float,
    *,
    into_smooth: bool = False,
) -> Tensor:
    """The same in torch, on any device and for any ``place``, to 3e-4 of PQ."""
    height, width = sdr.shape[-2:]
    result = smooth if into_smooth else torch.empty_like(sdr)
    slope, level = (Enlargement(part, height, width, "bilinear") for part in (light.guided.slope, light.guided.level))
    structure = Enlargement(light.structure, height, width, "bilinear")
    rows = max(16, BAND_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        base = place(smooth[..., top:bottom, :])
        if base.is_cuda:
            share = recovery * _clipping_of_rows(sdr, top, bottom) if recovery > 0.0 else None
            parts = (base, light.guided.slope, light.guided.level, light.structure, share)
            result[..., top:bottom, :] = gain_map.gain_map(*parts, top, height, OFFSET_NITS, LARGEST_STOPS)
            continue
        stops = slope.rows(top, bottom) * guide_of(base) + level.rows(top, bottom)
        if recovery > 0.0:
            share = recovery * _clipping_of_rows(sdr, top, bottom)
            if share.amax() > 0:
                stops = stops + share * structure.rows(top, bottom)
        result[..., top:bottom, :] = with_gain(base, stops)
    return result


def with_gain(base_pq: Tensor, stops: Tensor) -> Tensor:
    """PQ/BT.2020 [B,3,...] -> the same, brighter by ``stops`` [B,3,...]."""
    nits = (pq.eotf(base_pq) + OFFSET_NITS) * torch.exp2(stops.clamp(-LARGEST_STOPS, LARGEST_STOPS)) - OFFSET_NITS
    return pq.inverse_eotf(nits.clamp(0, pq.PQ_PEAK_NITS))


def gain_expression(
    base_pq: Tensor,
    slope: Tensor,
    level: Tensor,
    structure: Tensor,
    share: Tensor | None,
    top: int,
    height: int,
    offset_nits: float,
    largest_stops: float,
) -> Tensor:
    """Rows of a frame in the model's light, as lumaflux.ops.gain_map has its arguments."""
    rows, width = base_pq.shape[-2:]

    def enlarged(part: Tensor) -> Tensor:
        return Enlargement(part, height, width, "bilinear").rows(top, top + rows)

    light = pq.eotf(base_pq)
    stops = enlarged(slope) * torch.log2(luminance(light, BT2020_LUMA) + offset_nits) + enlarged(level)
    if share is not None:
        stops = stops + share * enlarged(structure)
    nits = (light + offset_nits) * torch.exp2(stops.clamp(-largest_stops, largest_stops)) - offset_nits
    return pq.inverse_eotf(nits.clamp(0, pq.PQ_PEAK_NITS))


gain_map.register(gain_expression)


class Enlargement:
    """[B,C,h,w] as rows of [B,C,height,width], any of them at a time; ``mode`` as F.interpolate has it."""

    def __init__(self, low: Tensor, height: int, width: int, mode: str):
        self._low, self._width, self._mode = low, width, mode
        self._weights = None
        if low.shape[-2] != height:
            identity = low.new_ones(low.shape[-2]).diag()[None, None]
            self._weights = _interpolate(identity, (height, low.shape[-2]), mode)[0, 0]

    def rows(self, top: int, bottom: int) -> Tensor:
        picked = self._low[..., top:bottom, :] if self._weights is None else self._weights[top:bottom] @ self._low
        return _interpolate(picked, (bottom - top, self._width), self._mode)


def _interpolate(picture: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size, mode=mode, align_corners=False)


def _clipping_of_rows(sdr: Tensor, top: int, bottom: int) -> Tensor:
    first, last = max(0, top - _MASK_REACH), min(sdr.shape[-2], bottom + _MASK_REACH)
    return clipping(sdr[..., first:last, :])[..., top - first : bottom - first, :]
