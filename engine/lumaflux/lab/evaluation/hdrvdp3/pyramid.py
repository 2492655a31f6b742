"""Steerable pyramid of order 0 (Simoncelli and Freeman 1995): one isotropic band a level, mirrored borders."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import sp0_filters

MIN_SIDE = 13  # the low-pass filter's taps
_BLOCK = 4


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
    bands = [correlate(planes, taps["hi0"])]
    low = correlate(planes, taps["lo0"])
    for level in range(1, height + 1):
        bands.append(correlate(low, taps["b"]).div_(2**level))
        low = correlate(low, taps["lo"], stride=2)
    low -= low.mean(dim=(1, 2), keepdim=True)
    return [*bands, low.div_(2 ** (height + 1))]


def correlate(planes: Tensor, taps: Tensor, stride: int = 1) -> Tensor:
    """[N,H,W] correlated with ``taps`` [n,n], mirrored about the border pixels; every ``stride``-th (1 or 2) is kept.

    Works on blocks of 4x4 pixels as channels: a convolution of one channel leaves most of a vector unit idle.

        pixels   |....|....|....|    taps of n = 9 at each of the 4 places of a block
        output       |....|          read 4 - stride + n pixels: 3 blocks
    """
    radius, (height, width) = taps.shape[0] // 2, planes.shape[1:]
    kept = _BLOCK // stride
    span = math.ceil((_BLOCK - stride + taps.shape[0]) / _BLOCK)
    kernel = taps.new_zeros(kept, kept, span * _BLOCK, span * _BLOCK)
    for row in range(kept):
        for column in range(kept):
            top, left = row * stride, column * stride
            kernel[row, column, top : top + taps.shape[0], left : left + taps.shape[0]] = taps
    kernel = F.pixel_unshuffle(kernel.view(kept**2, 1, span * _BLOCK, span * _BLOCK), _BLOCK)

    padded = F.pad(planes[:, None], (radius,) * 4, mode="reflect")
    below, right = ((math.ceil(n / _BLOCK) + span - 1) * _BLOCK - n - 2 * radius for n in (height, width))
    padded = F.pad(padded, (0, right, 0, below))
    blocks = F.conv2d(F.pixel_unshuffle(padded, _BLOCK), kernel)
    return F.pixel_shuffle(blocks, kept)[:, 0, : -(-height // stride), : -(-width // stride)].contiguous()
