"""Graphics in a frame of 4:2:0 codes as native/cpu/pq_codes.h takes them: pixels whose light is held at a bound."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from lumaflux.color.clipping import clipped_area
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.inference.graphics import find_graphics


class Held(NamedTuple):
    """``places`` int64 [N], ascending, in the order of rows; ``shares`` [N], how far each pixel belongs to graphics,
    and ``bounds`` [N,3], PQ/BT.2020, which it is no lighter than, both float32; ``clipped``: the share of the picture's
    pixels that are both clipped and graphics."""

    places: np.ndarray
    shares: np.ndarray
    bounds: np.ndarray
    clipped: float

    @classmethod
    def nothing(cls) -> "Held":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 3), np.float32), 0.0)


def held_in(sdr: Tensor) -> Held:
    """The graphics of a picture [3,H,W] in [0,1], held as ``lumaflux.inference.graphics.at_graphics_white`` does."""
    graphics = find_graphics(sdr)
    if graphics is None:
        return Held.nothing()
    own = sdr.reshape(3, -1)[:, graphics.index].unsqueeze(-1)
    clipped = float((graphics.share * clipped_area(own)[0, :, 0]).sum()) / sdr[0].numel()
    bounds = sdr_to_pq(own)[..., 0].T.contiguous().float().numpy()
    return Held(graphics.index.numpy(), graphics.share.numpy(), bounds, clipped)
