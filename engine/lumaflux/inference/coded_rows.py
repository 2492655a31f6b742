"""Some rows of a frame of 4:2:0 codes as R'G'B', without the others."""

import numpy as np
import torch
from torch import Tensor

from lumaflux.color.ycbcr import ycbcr_to_rgb
from lumaflux.color.yuv420_rgb import Yuv420


def every_row(codes: Yuv420, step: int) -> Tensor:
    """Every ``step``-th row, from the first, as non-linear R'G'B' [3,h,W] in [0,1]: those of
    ``lumaflux.color.yuv420_rgb.rgb_from_yuv420``, to 1e-5."""
    rows, width = np.arange(0, codes.y.shape[0], step), codes.y.shape[1]
    near, last = rows // 2, codes.cb.shape[0] - 1
    far = np.where(rows % 2 == 1, np.minimum(near + 1, last), np.maximum(near - 1, 0))
    share = np.full(len(rows), 0.25) if codes.midway else np.where(rows % 2 == 1, 0.5, 0.0)
    luma_scale, luma_offset, chroma_scale, chroma_offset = codes.scales
    planes = [(codes.y[::step].astype(np.float32) - luma_offset) / luma_scale]
    for plane in (codes.cb, codes.cr):
        first, second = plane[near].astype(np.float32), plane[far].astype(np.float32)
        mixed = first + share[:, None].astype(np.float32) * (second - first)
        wide = np.repeat(mixed, 2, axis=1)
        wide[:, 1:-1:2] = 0.5 * (mixed[:, :-1] + mixed[:, 1:])
        planes.append((wide[:, :width] - chroma_offset) / chroma_scale)
    return ycbcr_to_rgb(torch.from_numpy(np.stack(planes)), codes.luma).clamp(0, 1)
