"""Exposure alignment: one linear gain a picture, so that a score speaks of tone and colour, not of exposure."""

import torch
from torch import Tensor

from engine.color.primaries import BT2020_LUMA, luminance

FLOOR_NITS = 0.5
OPTIONS = {"gain": "median of Y_reference / Y_test", "where": f"both exceed {FLOOR_NITS} cd/m2"}


def aligned(test_nits: Tensor, reference_nits: Tensor) -> Tensor:
    """The test pictures [B,3,H,W] in cd/m2, each times its gain (1 where no pixel qualifies), at most 10000."""
    test, reference = luminance(test_nits, BT2020_LUMA), luminance(reference_nits, BT2020_LUMA)
    gains = []
    for y_test, y_reference in zip(test, reference, strict=True):
        counted = (y_test > FLOOR_NITS) & (y_reference > FLOOR_NITS)
        ratio = y_reference[counted] / y_test[counted]
        gains.append(ratio.median() if ratio.numel() else y_test.new_tensor(1.0))
    return (test_nits * torch.stack(gains).view(-1, 1, 1, 1)).clamp(0, 10000)
