"""Steerable pyramid of order 0 (Simoncelli and Freeman 1995): one isotropic band a level, mirrored borders."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.evaluation.hdrvdp3.constants import sp0_filters

MIN_SIDE = 13  # the low-pass filter's taps


def pyramid_height(shape: Sequence[int], pixels_per_degree: float) -> int:
    """Levels between the high-pass residual and the base band."""
    side, fitting = min(shape), 0
    while side >= MIN_SIDE:
        side, fitting = side // 2, fitting + 1
    return min(math.ceil(math.log2(pixels_per_degree)) - 2, fitting)


def decompose(planes: Tensor, height: int) -> list[Tensor]:
    """Bands of [N,H,W]: the high-pass residual, ``height`` band-pass levels halving in size, the low-pass base.

    Band k is divided by 2^k, and the mean is taken from the base.
    """
    taps = {name: torch.from_numpy(values).to(planes) for name, values in sp0_filters().items()}
    bands = [_correlate(planes, taps["hi0"])]
    low = _correlate(planes, taps["lo0"])
    for level in range(1, height + 1):
        bands.append(_correlate(low, taps["b"]).div_(2**level))
        low = _correlate(low, taps["lo"], stride=2)
    low -= low.mean(dim=(1, 2), keepdim=True)
    return [*bands, low.div_(2 ** (height + 1))]


def _correlate(planes: Tensor, taps: Tensor, stride: int = 1) -> Tensor:
    radius = taps.shape[0] // 2
    padded = F.pad(planes[:, None], (radius,) * 4, mode="reflect")
    return F.conv2d(padded, taps[None, None], stride=stride)[:, 0]
