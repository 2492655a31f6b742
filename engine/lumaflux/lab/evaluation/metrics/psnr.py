"""PSNR in the PQ domain: peak 1.0 (10000 cd/m2), over all R'G'B' samples, per picture (the HDRTVNet convention)."""

from collections.abc import Callable

import torch
from torch import Tensor

from lumaflux.lab.evaluation.metrics.frames import check_pair, strips

OPTIONS = {"domain": "PQ R'G'B' BT.2020", "peak": 1.0, "average": "dB per picture"}


def psnr(
    test: Tensor, reference: Tensor, peak: float = 1.0, encode: Callable[[Tensor], Tensor] = lambda strip: strip
) -> Tensor:
    """dB [B] of pictures [B,3,H,W], each ``encode``d pixel by pixel first; infinite for equal pictures."""
    check_pair(test, reference)
    return psnr_planes(test, reference, peak, encode)


def psnr_planes(
    test: Tensor, reference: Tensor, peak: float, encode: Callable[[Tensor], Tensor] = lambda strip: strip
) -> Tensor:
    """The same for [B,C,H,W] of any C, unchecked."""
    error, count = torch.zeros(len(test), dtype=torch.float64, device=test.device), 0
    for rows in strips(test.shape[-2]):
        difference = encode(test[..., rows, :]).double() - encode(reference[..., rows, :]).double()
        error += difference.square_().sum(dim=(1, 2, 3))
        count += difference[0].numel()
    return 10 * torch.log10(peak * peak * count / error)
