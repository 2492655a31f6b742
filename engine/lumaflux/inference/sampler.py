"""The Euler sampler along the noisy linear bridge (paper section 3.4): t from 1 (SDR) to 0 (HDR)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from lumaflux.backends.network import Network
from lumaflux.checked_fields import Bounds, CheckedFields
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.lumaflux import Conditions
from lumaflux.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Sampling(CheckedFields):
    """How the bridge is sampled. ``steps``: the model's own number where None or 0; ``noise``: its standard normal
    start, drawn from ``seed`` where None; ``reuse`` and ``block_reuse``: see :func:`euler`.

    Raises UserError for numbers that cannot be.
    """

    steps: int | None = field(default=None, metadata={"bounds": Bounds(0, 1000)})
    noise: np.ndarray | Tensor | None = None
    seed: int = field(default=0, metadata={"bounds": Bounds(0, 2**31 - 1)})
    reuse: float = field(default=0.0, metadata={"bounds": Bounds(0, 1)})
    block_reuse: float = field(default=0.0, metadata={"bounds": Bounds(0, 1)})

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            steps=settings.steps or None,
            seed=settings.seed,
            reuse=settings.step_reuse,
            block_reuse=settings.block_reuse,
        )


def schedule(steps: int, device: torch.device | str = "cpu") -> Tensor:
    """``steps`` equal steps from 1 to 0: [steps + 1]."""
    if steps < 1:
        raise ValueError(f"the sampler needs at least one step, got {steps}")
    return torch.linspace(1.0, 0.0, steps + 1, device=device)


def euler(
    network: Network,
    z: Tensor,
    conditions: Conditions,
    times: Tensor,
    on_step: Callable[[], None] | None = None,
    *,
    reuse: float = 0.0,
    block_reuse: float = 0.0,
) -> Tensor:
    """z(1) [B,c,h,w] -> z(0): z <- z + (t_{i+1} - t_i) v(z, t_i). Psi is computed once for the whole schedule.

    ``reuse``: a frame takes the velocity of the step before once more where the last two that were evaluated for it
    differ by at most this share of the later one's norm; 0 evaluates every step. Never twice in a row, and a frame of a
    batch takes what it would take alone. ``block_reuse``: the bound of lumaflux.model.first_block_cache in every
    velocity that is evaluated; 0 evaluates every block.
    """
    caching = {"cache": FirstBlockCache(block_reuse)} if block_reuse > 0 else {}
    psi = network.psi(times[:-1])
    velocity: Tensor | None = None
    again = torch.zeros(len(z), dtype=torch.bool, device=z.device)
    for i in range(len(times) - 1):
        if velocity is None or not again.all():
            t = times[i].expand(len(z))
            made = network.velocity(z, t, conditions, psi[i : i + 1].expand(len(z), -1, -1), **caching)
            if reuse > 0:
                before, velocity = velocity, made
                if before is not None:
                    kept = again.view(-1, 1, 1, 1)
                    velocity = torch.where(kept, before, made)
                    again = ~again & _alike(before, made, reuse)
            else:
                velocity = made
        else:
            again = torch.zeros_like(again)
        z = z + (times[i + 1] - times[i]) * velocity
        if on_step is not None:
            on_step()
    return z


def _alike(before: Tensor, after: Tensor, share: float) -> Tensor:
    """Of each frame [B], whether two velocities differ by at most ``share`` of the later one's norm."""
    difference = torch.linalg.vector_norm((after - before).float(), dim=(1, 2, 3))
    return difference <= share * torch.linalg.vector_norm(after.float(), dim=(1, 2, 3))
