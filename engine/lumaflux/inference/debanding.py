"""The steps of 8-bit codes, smoothed where the source is smooth: every pixel stays within half a code of itself."""

import torch
import torch.nn.functional as F
from torch import Tensor

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

_HALF_CODE = 0.5 / 255
_TEXTURE_RADIUS = 3  # pixels: texture is a range of codes within this neighbourhood
_SMOOTH_CODES, _TEXTURE_CODES = 1.5, 3.5  # in between, smoothing fades out
_FILTERS = ((2, 2), (4, 4))  # pixels a side of a block, and the radius in blocks
_REACH = 64  # rows above and below that a pixel can depend on; a multiple of what the widest filter reduces by
_BAND_PIXELS = 1 << 20
_STEP_VARIANCE = (1.5 / 255) ** 2  # what varies more is an edge, not a step


def deband(sdr: Tensor) -> Tensor:
    """SDR of 8 bits float32 [B,3,H,W] in [0,1] -> a picture of the same codes, without their steps in smooth areas."""
    if lumaflux_native is None or sdr.device.type != "cpu":
        return deband_reference(sdr)
    threads = torch.get_num_threads()
    frames = [torch.from_numpy(lumaflux_native.deband(frame.numpy(), threads)) for frame in sdr]
    return torch.stack(frames) if len(frames) > 1 else frames[0][None]


def deband_reference(sdr: Tensor) -> Tensor:
    """The same in torch, on any device, to 1e-5.

    Band by band of rows, each with all that its pixels depend on: memory is bounded, and no seam can show.
    """
    height, width = sdr.shape[-2:]
    rows = max(_REACH, _BAND_PIXELS // width // _REACH * _REACH)
    if rows >= height:
        return _debanded(sdr)
    bands = []
    for top in range(0, height, rows):
        first, bottom = max(0, top - _REACH), min(top + rows, height)
        band = _debanded(sdr[..., first : min(bottom + _REACH, height), :])
        bands.append(band[..., top - first : bottom - first, :])
    return torch.cat(bands, dim=-2)


def _debanded(sdr: Tensor) -> Tensor:
    smooth = sdr
    for factor, radius in _FILTERS:
        smooth = _guided(smooth, factor, radius)
        smooth = sdr + (smooth - sdr).clamp(-_HALF_CODE, _HALF_CODE)
    codes = 255 * (_highest(sdr) + _highest(-sdr)).amax(dim=1, keepdim=True)
    share = ((_TEXTURE_CODES - codes) / (_TEXTURE_CODES - _SMOOTH_CODES)).clamp(0, 1)
    return sdr + share * (smooth - sdr)


def _guided(picture: Tensor, factor: int, radius: int) -> Tensor:
    """Each channel smoothed by a guided filter of itself (He et al. 2010): no halos beside edges.

    The lines are found on means of blocks, ``factor`` pixels a side (the fast filter of He and Sun 2015).
    """
    height, width = picture.shape[-2:]
    whole = F.pad(picture, (0, -width % factor, 0, -height % factor), mode="replicate")
    reduced = F.avg_pool2d(whole, factor)
    mean = _mean(reduced, radius)
    variance = (_mean(reduced * reduced, radius) - mean * mean).clamp(min=0)
    slope = variance / (variance + _STEP_VARIANCE)
    lines = [_mean(part, radius) for part in (slope, mean * (1 - slope))]
    size = whole.shape[-2:]
    slope, level = (F.interpolate(part, size, mode="bilinear", align_corners=False) for part in lines)
    return (slope * whole + level)[..., :height, :width]


def _mean(picture: Tensor, radius: int) -> Tensor:
    height, width = (min(radius, side - 1) for side in picture.shape[-2:])
    padded = F.pad(picture, (width, width, height, height), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, (2 * height + 1, 1), stride=1), (1, 2 * width + 1), stride=1)


def _highest(picture: Tensor) -> Tensor:
    radius = _TEXTURE_RADIUS
    tall = F.max_pool2d(picture, (2 * radius + 1, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(tall, (1, 2 * radius + 1), stride=1, padding=(0, radius))
