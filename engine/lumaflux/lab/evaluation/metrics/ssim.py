"""SSIM (Wang et al. 2004): 11x11 Gaussian of sigma 1.5, valid borders, no downsampling, mean over channels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.evaluation.metrics.frames import check_pair

OPTIONS = {
    "domain": "PQ R'G'B' BT.2020",
    "window": "gaussian 11x11, sigma 1.5",
    "dynamic_range": 1.0,
    "borders": "valid",
    "downsample": False,
    "channels": "mean",
}
_SIZE, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
_TILE = 54  # results a tile and axis, of 64 pixels


def ssim(test: Tensor, reference: Tensor, dynamic_range: float = 1.0) -> Tensor:
    """Mean SSIM [B] of pictures [B,3,H,W]; raises ValueError for pictures under 11 pixels."""
    check_pair(test, reference)
    return ssim_planes(test, reference, dynamic_range)


def ssim_planes(test: Tensor, reference: Tensor, dynamic_range: float) -> Tensor:
    """The same for [B,C,H,W] of any C."""
    height, width = (side - _SIZE + 1 for side in test.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"SSIM needs pictures of at least {_SIZE}x{_SIZE} pixels, got {tuple(test.shape[-2:])}")
    c1, c2 = (_K1 * dynamic_range) ** 2, (_K2 * dynamic_range) ** 2
    # variances are differences of large numbers: centre the values first
    centre = reference.mean(dim=(2, 3), keepdim=True)
    total = torch.zeros(len(test), dtype=torch.float64, device=test.device)
    for top in range(0, height, _TILE):
        rows = slice(top, min(top + _TILE, height) + _SIZE - 1)
        x, y = test[..., rows, :] - centre, reference[..., rows, :] - centre
        mx, my, vx, vy, cxy = _blur(torch.stack((x, y, x * x, y * y, x * y)))
        vx, vy, cxy = vx - mx * mx, vy - my * my, cxy - mx * my
        mx, my = mx + centre, my + centre
        index = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
        total += index.sum(dim=(1, 2, 3), dtype=torch.float64)
    return total / (test.shape[1] * height * width)


def _blur(planes: Tensor) -> Tensor:
    """[...,h,w] -> [...,h-10,w-10], by products with banded matrices: a convolution of one channel leaves most of a
    vector unit idle.

        rows     |--- h ---|                    times [h-10,h]
        columns  |--- 64 ---|                   times [64,54], a tile every 54
                          |--- 64 ---|
    """
    height, width = planes.shape[-2:]
    columns = -(-(width - _SIZE + 1) // _TILE)
    rows = _band(height, planes) @ F.pad(planes, (0, columns * _TILE + _SIZE - 1 - width))
    tiles = rows.unfold(-1, _TILE + _SIZE - 1, _TILE) @ _band(_TILE + _SIZE - 1, planes).T
    return tiles.flatten(-2)[..., : width - _SIZE + 1]


def _band(size: int, like: Tensor) -> Tensor:
    """The window at each place of ``size`` samples: [size-10,size]."""
    offsets = torch.arange(_SIZE, dtype=torch.float64) - (_SIZE - 1) / 2
    window = torch.exp(-0.5 * (offsets / _SIGMA) ** 2)
    kept = size - _SIZE + 1
    band = torch.zeros(kept, size, dtype=torch.float64)
    for place in range(kept):
        band[place, place : place + _SIZE] = window / window.sum()
    return band.to(like)
