"""What the analysis of a clip sees of a frame of 4:2:0 codes: reduced, its luma, samples; no picture of its size."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color.clipping import CLIPPED_CODE
from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.ycbcr import ycbcr_to_rgb
from lumaflux.color.yuv420_rgb import Yuv420
from lumaflux.inference.active_area import Sighting, sighting_in
from lumaflux.inference.detail import reduced_size
from lumaflux.inference.text_lines import Codes

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None


def native_reduction() -> bool:
    """Whether the native routines reduce; a checkout may be newer than what was built of it."""
    return hasattr(lumaflux_native, "reduced_ycbcr")


def sighting_of_codes(codes: Yuv420) -> Sighting:
    """What a frame shows of its bars: ``sighting_of`` of its luma."""
    return sighting_in(codes.y, lambda part: _luma(part, codes).expand(3, -1, -1))


def _luma(part: np.ndarray, codes: Yuv420) -> Tensor:
    """Y' of 8-bit codes as signals [h,w] in [0,1]: the luma of the R'G'B' picture, where no channel was clipped."""
    scale, offset = codes.scales[:2]
    return _floats(part).sub_(offset).div_(scale).clamp_(0, 1)


def reduced_rgb(codes: Yuv420, pixels: int) -> Tensor:
    """SDR R'G'B' [1,3,h,w] of about ``pixels``: ``lumaflux.inference.detail.reduce_to`` of the picture, to 0.01 where
    its channels are not clipped.

    Averages are taken of Y'CbCr, which is linear in R'G'B', of chroma where it lies amidst its pixels.
    """
    height, width = codes.y.shape
    size = reduced_size(height, width, pixels)
    if not native_reduction():
        return _as_rgb(reduced_reference(codes, size), codes)
    native: Any = lumaflux_native
    return _as_rgb(torch.from_numpy(native.reduced_ycbcr(*codes, *size))[None], codes)


def _as_rgb(ycbcr: Tensor, codes: Yuv420) -> Tensor:
    return ycbcr_to_rgb(ycbcr, codes.luma).clamp(0, 1)


def reduced_reference(codes: Yuv420, size: tuple[int, int]) -> Tensor:
    """Y'CbCr [1,3,h,w] as ``native/cpu/reduced_codes.cpp`` averages it, to 1e-5."""
    scale, offset = codes.scales[2:]
    chroma = _towards_next(torch.stack([_floats(codes.cb), _floats(codes.cr)]), -1)
    if not codes.midway:
        chroma = _towards_next(chroma, -2)
    parts = [_averaged(_luma(codes.y, codes)[None, None], size), _averaged(((chroma - offset) / scale)[None], size)]
    return torch.cat(parts, dim=1)


def clipped_shares_of(codes: Yuv420, pixels: int) -> Tensor:
    """How much of each reduced pixel is clipped [1,1,h,w] in [0,1]: ``lumaflux.inference.graphics.reduced_clipping`` of
    the picture, to 1e-5. Asks for ``native_reduction``."""
    native: Any = lumaflux_native
    height, width = codes.y.shape
    shares = native.reduced_clipping(*codes, CLIPPED_CODE, *reduced_size(height, width, pixels))
    return torch.from_numpy(shares)[None, None]


def _towards_next(planes: Tensor, dimension: int) -> Tensor:
    """Samples that lie on every other pixel, half a pixel further on: a quarter of their way."""
    count = planes.shape[dimension]
    following = planes.narrow(dimension, min(1, count - 1), max(1, count - 1))
    if count > 1:
        following = torch.cat([following, planes.narrow(dimension, count - 1, 1)], dim=dimension)
    return torch.lerp(planes, following, 0.25)


def _floats(plane: np.ndarray) -> Tensor:
    return torch.from_numpy(plane.astype(np.float32))


def _averaged(planes: Tensor, size: tuple[int, int]) -> Tensor:
    if planes.shape[-2:] == size:
        return planes
    return F.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)


def sampled_codes(codes: Yuv420, down: int, across: int, threads: int = 1) -> tuple[Codes, Codes]:
    """Every ``down``-th row and ``across``-th column, from the first, as 8-bit codes [h,w]: luma and the darkest of
    R'G'B', as ``lumaflux.inference.graphics`` takes them from ``lumaflux.color.yuv420_rgb.rgb_from_yuv420``."""
    native: Any = lumaflux_native
    return native.sampled_codes(*codes, [255 * weight for weight in BT709_LUMA], down, across, threads)
