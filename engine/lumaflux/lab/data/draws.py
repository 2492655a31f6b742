"""Random numbers of renderings, from a given generator alone, on the device where it draws.

A generator of a CUDA device has one of the host beside it: what decides which code runs (a family, a radius) is drawn
there, so that the host never waits for the device.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

SDR_WHITE_NITS = 100.0


class DeviceGenerator(torch.Generator):
    """``host``: the generator of the host's decisions."""

    host: torch.Generator


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator that draws on ``device``, seeded; on the CPU a plain one."""
    if device.type == "cpu":
        return torch.Generator().manual_seed(seed)
    made = DeviceGenerator(device)
    made.manual_seed(seed)
    made.host = torch.Generator().manual_seed(seed)
    return made


def on_device(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """A generator on ``device`` that follows from what ``generator``, of the host, draws next; itself on the CPU."""
    if device.type == "cpu":
        return generator
    return generator_on(device, int(torch.randint(2**62, (), generator=generator)))


def host_of(generator: torch.Generator) -> torch.Generator:
    """Who draws the host's decisions: the generator itself on the CPU."""
    return getattr(generator, "host", generator)


def rand(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0,1), on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device)


def normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard normal numbers, on the generator's device."""
    return torch.randn(shape, generator=generator, device=generator.device)


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * rand(shape, generator)


def number(low: float, high: float, generator: torch.Generator) -> float:
    """One uniform number, for the host."""
    return float(uniform((), low, high, host_of(generator)))


def integer(below: int, generator: torch.Generator) -> int:
    """One of 0..below - 1, for the host."""
    return int(torch.randint(below, (), generator=host_of(generator)))


def how_many(count: int, weights: Sequence[float], generator: torch.Generator) -> list[int]:
    """How many of ``count`` samples fall to each of ``weights``; the host decides."""
    drawn = torch.multinomial(
        torch.tensor(weights, dtype=torch.float32), count, replacement=True, generator=host_of(generator)
    )
    return torch.bincount(drawn, minlength=len(weights)).tolist()


def happens(share: float, generator: torch.Generator) -> bool:
    """True in ``share`` of the draws."""
    return bool(torch.rand((), generator=host_of(generator)) < share)
