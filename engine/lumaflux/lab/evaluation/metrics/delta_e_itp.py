"""Delta-E-ITP (BT.2124-0 Annex 1) over a picture: mean, 99th percentile, and over a mask."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lumaflux.color import ictcp
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA, luminance
from lumaflux.lab.evaluation.metrics.frames import check_pair, in_strips, mean_over

HIGHLIGHT_NITS = 203.0
CLIPPED_CODE = 250
OPTIONS = {
    "scale": 720,
    "average": "mean over pixels, then over pictures",
    "highlights": f"reference luminance above {HIGHLIGHT_NITS:g} cd/m2",
    "clipped": f"SDR BT.709 luma code of 8 bits >= {CLIPPED_CODE}",
}


@dataclass(frozen=True, kw_only=True)
class DeltaEItp:
    """Each [B]; ``above_203`` and ``clipped`` are NaN where no pixel qualifies, ``clipped`` is None without SDR."""

    mean: Tensor
    p99: Tensor
    above_203: Tensor
    clipped: Tensor | None


def delta_e_itp(test_nits: Tensor, reference_nits: Tensor, sdr: Tensor | None = None) -> DeltaEItp:
    """Light [B,3,H,W] in cd/m2, BT.2020; ``sdr`` is the BT.709 source [B,3,H,W] in [0,1]."""
    check_pair(test_nits, reference_nits)
    difference = in_strips(ictcp.delta_e_itp, test_nits, reference_nits)
    bright = luminance(reference_nits, BT2020_LUMA)[:, 0] > HIGHLIGHT_NITS
    clipped = None if sdr is None else mean_over(difference, clipped_in(sdr))
    p99 = np.quantile(difference.flatten(1).cpu().numpy(), 0.99, axis=1)  # torch.quantile stops at 2^24 pixels
    return DeltaEItp(
        mean=mean_over(difference),
        p99=torch.as_tensor(p99, dtype=torch.float64),
        above_203=mean_over(difference, bright),
        clipped=clipped,
    )


def mean_delta_e_itp(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """The mean alone: [B]."""
    check_pair(test_nits, reference_nits)
    return mean_over(in_strips(ictcp.delta_e_itp, test_nits, reference_nits))


def clipped_in(sdr: Tensor) -> Tensor:
    """Where the SDR source [B,3,H,W] is clipped: [B,H,W] booleans."""
    return torch.round(255 * luminance(sdr, BT709_LUMA)[:, 0]) >= CLIPPED_CODE
