"""PSNR in the PQ domain: peak 1.0 (10000 cd/m2), over all R'G'B' samples, per picture (the HDRTVNet convention)."""

import torch
from torch import Tensor

from engine.evaluation.metrics.frames import check_pair

OPTIONS = {"domain": "PQ R'G'B' BT.2020", "peak": 1.0, "average": "dB per picture"}


def psnr(test_pq: Tensor, reference_pq: Tensor, peak: float = 1.0) -> Tensor:
    """dB [B]; infinite for equal pictures."""
    check_pair(test_pq, reference_pq)
    mse = (test_pq.double() - reference_pq.double()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(peak * peak / mse)
