"""Some rows of a frame of 4:2:0 codes as R'G'B', without a picture of all of them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.color.yuv420_rgb import Yuv420

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

_ROWS = 96  # of luma at a time, about: they stay in cache
_BEYOND = 2  # rows whose chroma a row's own is mixed with


def every_row(codes: Yuv420, step: int, threads: int = 1) -> Tensor:
    """Every ``step``-th row, from the first, as non-linear R'G'B' [3,h,W] in [0,1]: those of
    ``lumaflux.color.yuv420_rgb.rgb_from_yuv420``, by the native routines."""
    native: Any = lumaflux_native
    height, width = codes.y.shape
    rows = np.empty((3, -(-height // step), width), np.float32)
    at_once = 2 * step * max(1, _ROWS // (2 * step))  # even, since two rows share one of chroma
    for start in range(0, height, at_once):
        stop = min(height, start + at_once)
        first, last = max(0, start - _BEYOND), min(height, stop + _BEYOND)
        chroma = slice(first // 2, -(-last // 2))
        band = native.rgb_from_yuv420(
            codes.y[first:last], codes.cb[chroma], codes.cr[chroma], codes.scales, codes.luma, codes.midway, threads
        )
        rows[:, start // step : -(-stop // step)] = band[:, start - first : stop - first : step]
    return torch.from_numpy(rows)
