"""Functions of luminance as tables, evenly spaced in log10 cd/m2."""

import numpy as np
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import LOG_LIGHT


def table_nits(size: int) -> np.ndarray:
    """Luminances [size] at which a table of that size holds its values."""
    return np.logspace(*LOG_LIGHT, size)


def look_up(table: Tensor, log10_nits: Tensor) -> Tensor:
    """``table`` [size] at ``log10_nits``, linear in between and constant beyond its ends."""
    first, last = LOG_LIGHT
    steps = table.numel() - 1
    position = (log10_nits - first).mul_(steps / (last - first)).clamp_(0, steps)
    index = position.int().clamp_(max=steps - 1)
    position -= index
    slopes = table.diff()
    return position.mul_(slopes[index]).add_(table[index])
