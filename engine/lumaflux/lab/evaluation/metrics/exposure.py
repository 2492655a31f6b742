"""Exposure alignment: one linear gain a picture, so that a score speaks of tone and colour, not of exposure."""

import math

import torch
from torch import Tensor

from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.lab.evaluation.metrics.frames import in_strips

FLOOR_NITS = 0.5
OPTIONS = {
    "gain": "median of Y_reference / Y_test",
    "where": f"both exceed {FLOOR_NITS} cd/m2; no aligned scores where no pixel does",
}


def gains(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """What the test pictures [B,3,H,W] in cd/m2 must be multiplied by: [B], NaN where no pixel qualifies."""
    found = []
    for test, reference in zip(test_nits, reference_nits, strict=True):
        ratio = in_strips(_ratio, test, reference)
        ratio = ratio[ratio.isfinite()]
        found.append(ratio.median() if ratio.numel() else ratio.new_tensor(math.nan))
    return torch.stack(found)


def aligned(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """The test pictures times their gain, at most 10000 cd/m2; NaN where there is none."""
    return (test_nits * gains(test_nits, reference_nits).view(-1, 1, 1, 1)).clamp(0, 10000)


def _ratio(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    test, reference = luminance(test_nits, BT2020_LUMA), luminance(reference_nits, BT2020_LUMA)
    return torch.where((test > FLOOR_NITS) & (reference > FLOOR_NITS), reference / test, math.nan)
