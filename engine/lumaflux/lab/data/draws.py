"""Random numbers of renderings, from a given generator alone."""

import torch
from torch import Tensor

SDR_WHITE_NITS = 100.0


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def happens(share: float, generator: torch.Generator) -> bool:
    """True in ``share`` of the draws."""
    return bool(torch.rand((), generator=generator) < share)
