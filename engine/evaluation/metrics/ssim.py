"""SSIM (Wang et al. 2004): 11x11 Gaussian of sigma 1.5, valid borders, no downsampling, mean over channels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.evaluation.metrics.frames import check_pair

OPTIONS = {
    "domain": "PQ R'G'B' BT.2020",
    "window": "gaussian 11x11, sigma 1.5",
    "dynamic_range": 1.0,
    "borders": "valid",
    "downsample": False,
    "channels": "mean",
}
_SIZE, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03


def ssim(test: Tensor, reference: Tensor, dynamic_range: float = 1.0) -> Tensor:
    """Mean SSIM [B] of pictures [B,3,H,W]; raises ValueError for pictures under 11 pixels."""
    check_pair(test, reference)
    return ssim_planes(test, reference, dynamic_range)


def ssim_planes(test: Tensor, reference: Tensor, dynamic_range: float) -> Tensor:
    """The same for [B,C,H,W] of any C."""
    if min(test.shape[-2:]) < _SIZE:
        raise ValueError(f"SSIM needs pictures of at least {_SIZE}x{_SIZE} pixels, got {tuple(test.shape[-2:])}")
    c1, c2 = (_K1 * dynamic_range) ** 2, (_K2 * dynamic_range) ** 2
    # variances are differences of large numbers: centre the values first
    centre = reference.mean(dim=(2, 3), keepdim=True)
    x, y = test - centre, reference - centre
    mx, my = _blur(x), _blur(y)
    vx, vy, cxy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    mx, my = mx + centre, my + centre
    index = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return index.double().mean(dim=(1, 2, 3))


def _blur(x: Tensor) -> Tensor:
    offsets = torch.arange(_SIZE, dtype=x.dtype, device=x.device) - (_SIZE - 1) / 2
    kernel = torch.exp(-0.5 * (offsets / _SIGMA) ** 2)
    kernel = kernel / kernel.sum()
    planes = x.flatten(0, 1).unsqueeze(1)
    rows = F.conv2d(planes, kernel.view(1, 1, -1, 1))
    return F.conv2d(rows, kernel.view(1, 1, 1, -1)).squeeze(1).unflatten(0, x.shape[:2])
