"""What every metric checks before it measures."""

import torch
from torch import Tensor


def check_pair(test: Tensor, reference: Tensor) -> None:
    """Raises ValueError unless both are finite [B,3,H,W] of one shape."""
    if test.ndim != 4 or test.shape[1] != 3:
        raise ValueError(f"expected pictures [B,3,H,W], got {tuple(test.shape)}")
    if test.shape != reference.shape:
        raise ValueError(f"the pictures differ in size: {tuple(test.shape)} and {tuple(reference.shape)}")
    for name, picture in (("test", test), ("reference", reference)):
        if not torch.isfinite(picture).all():
            raise ValueError(f"the {name} picture holds NaN or infinite values")


def mean_over(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of [B,H,W] (over ``mask`` [B,H,W] if given; NaN where it is empty) -> [B], summed in float64."""
    values = values.double()
    if mask is None:
        return values.mean(dim=(1, 2))
    weight = mask.double()
    return (values * weight).sum(dim=(1, 2)) / weight.sum(dim=(1, 2))
