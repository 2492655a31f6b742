"""PSNR and SSIM on PU21 values (Mantiuk and Azimi 2021, banding_glare); dynamic range 256 (100 cd/m2 <-> 256)."""

import torch
from torch import Tensor

from engine.color import pu21
from engine.color.primaries import BT2020_LUMA, luminance
from engine.evaluation.metrics.frames import check_pair
from engine.evaluation.metrics.psnr import psnr
from engine.evaluation.metrics.ssim import ssim_planes

DYNAMIC_RANGE = 256.0
OPTIONS = {
    "encoding": "PU21 banding_glare",
    "dynamic_range": DYNAMIC_RANGE,
    "luminance_weights": "BT.2020",
}


def pu21_psnr(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """dB [B] over PU21 of each linear BT.2020 channel [B,3,H,W] in cd/m2."""
    return psnr(pu21.encode(test_nits), pu21.encode(reference_nits), DYNAMIC_RANGE)


def pu21_psnr_y(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """dB [B] over PU21 of the luminance."""
    test, reference = _pu_luminance(test_nits, reference_nits)
    mse = (test.double() - reference.double()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(DYNAMIC_RANGE**2 / mse)


def pu21_ssim(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """SSIM [B] of PU21 luminance."""
    return ssim_planes(*_pu_luminance(test_nits, reference_nits), DYNAMIC_RANGE)


def _pu_luminance(test_nits: Tensor, reference_nits: Tensor) -> tuple[Tensor, Tensor]:
    check_pair(test_nits, reference_nits)
    return tuple(pu21.encode(luminance(nits, BT2020_LUMA)) for nits in (test_nits, reference_nits))
