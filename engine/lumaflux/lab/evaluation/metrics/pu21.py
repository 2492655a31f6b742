"""PSNR and SSIM on PU21 values (Mantiuk and Azimi 2021, banding_glare); dynamic range 256 (100 cd/m2 <-> 256)."""

from torch import Tensor

from lumaflux.color import pu21
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.lab.evaluation.metrics.frames import check_pair, in_strips
from lumaflux.lab.evaluation.metrics.psnr import psnr, psnr_planes
from lumaflux.lab.evaluation.metrics.ssim import ssim_planes

DYNAMIC_RANGE = 256.0
OPTIONS = {
    "encoding": "PU21 banding_glare",
    "dynamic_range": DYNAMIC_RANGE,
    "luminance_weights": "BT.2020",
}


def pu21_psnr(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """dB [B] over PU21 of each linear BT.2020 channel [B,3,H,W] in cd/m2."""
    return psnr(test_nits, reference_nits, DYNAMIC_RANGE, pu21.encode)


def pu21_psnr_y(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """dB [B] over PU21 of the luminance."""
    check_pair(test_nits, reference_nits)
    return psnr_planes(test_nits, reference_nits, DYNAMIC_RANGE, pu21_luminance)


def pu21_ssim(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """SSIM [B] of PU21 luminance."""
    check_pair(test_nits, reference_nits)
    test, reference = (in_strips(pu21_luminance, nits) for nits in (test_nits, reference_nits))
    return ssim_planes(test, reference, DYNAMIC_RANGE)


def pu21_luminance(nits: Tensor) -> Tensor:
    """PU21 of the luminance of [B,3,H,W] in cd/m2: [B,1,H,W]."""
    return pu21.encode(luminance(nits, BT2020_LUMA))
