"""Drawn pictures that move by known amounts."""

import pytest
import torch
import torch.nn.functional as F

from lumaflux.inference.motion import available

HEIGHT, WIDTH, MARGIN = 96, 170, 24
needs_opencv = pytest.mark.skipif(not available(), reason="needs OpenCV: pip install 'lumaflux[motion]'")


def texture(seed, height=HEIGHT, width=WIDTH):
    """Smooth noise [1,3,h,w] in [0.1,0.9] of two sizes."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, 3, height, width)
    for size, weight in ((16, 0.5), (5, 0.3)):
        coarse = torch.rand(1, 3, height // size + 3, width // size + 3, generator=generator)
        wide = F.interpolate(coarse, scale_factor=size, mode="bicubic")
        picture += weight * wide[..., size : size + height, size : size + width]
    return picture.clamp(0.1, 0.9)


def moved(picture, dx, dy):
    """``picture`` less its margin, with its content moved by (dx, dy) pixels."""
    height, width = picture.shape[-2:]
    x, y = torch.arange(width - 2.0 * MARGIN) + MARGIN - dx, torch.arange(height - 2.0 * MARGIN) + MARGIN - dy
    grid = torch.stack(torch.meshgrid(2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1, indexing="xy"), dim=-1)
    return F.grid_sample(picture, grid[None], mode="bicubic", align_corners=True)
