"""What every metric checks before it measures, and how it goes through a picture: in strips of rows.

A strip's temporaries stay in the processor's cache, and a picture of any size costs no more memory than its result.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

STRIP = 32  # rows


def check_pair(test: Tensor, reference: Tensor) -> None:
    """Raises ValueError unless both are finite [B,3,H,W] of one shape."""
    if test.ndim != 4 or test.shape[1] != 3:
        raise ValueError(f"expected pictures [B,3,H,W], got {tuple(test.shape)}")
    if test.shape != reference.shape:
        raise ValueError(f"the pictures differ in size: {tuple(test.shape)} and {tuple(reference.shape)}")
    for name, picture in (("test", test), ("reference", reference)):
        if not torch.isfinite(torch.stack(torch.aminmax(picture))).all():  # a NaN is both
            raise ValueError(f"the {name} picture holds NaN or infinite values")


def strips(height: int) -> Iterator[slice]:
    """The rows of a picture, a strip at a time."""
    return (slice(top, min(top + STRIP, height)) for top in range(0, height, STRIP))


def in_strips(function: Callable[..., Tensor], *pictures: Tensor) -> Tensor:
    """``function`` of pictures [B,C,H,W], which must work pixel by pixel, applied strip by strip."""
    result = None
    for rows in strips(pictures[0].shape[-2]):
        strip = function(*(picture[..., rows, :] for picture in pictures))
        if result is None:
            result = strip.new_empty(*strip.shape[:-2], *pictures[0].shape[-2:])
        result[..., rows, :] = strip
    if result is None:
        raise ValueError("a picture without rows has no values")
    return result


def mean_over(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of [B,H,W] (over ``mask`` [B,H,W] if given; NaN where it is empty) -> [B], summed in float64."""
    if mask is None:
        return values.mean(dim=(1, 2), dtype=torch.float64)
    return (values * mask).sum(dim=(1, 2), dtype=torch.float64) / mask.sum(dim=(1, 2))
