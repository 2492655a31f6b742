"""Straight paths between latents: z_t = (1 - t) z_0 + t z_1, velocity z_1 - z_0 (t = 0 is the HDR picture)."""

import torch
from torch import Tensor

from lumaflux.lab.data.draws import normal, rand


def on_path(z0: Tensor, z1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Latents [B,c,h,w], times [B] -> (z_t, velocity)."""
    t = t.view(-1, 1, 1, 1)
    return (1 - t) * z0 + t * z1, z1 - z0


def noisy_start(z_sdr: Tensor, scale: float, generator: torch.Generator) -> Tensor:
    """z(1) = z_sdr + scale * eps (paper section 3.4)."""
    return z_sdr + scale * normal(tuple(z_sdr.shape), generator).to(z_sdr)


def bridge_times(count: int, at_one: float, generator: torch.Generator) -> Tensor:
    """Times [count] in [0,1]: uniform, but a share ``at_one`` lies at 1, where few-step sampling is decided."""
    t = rand((count,), generator)
    return torch.where(rand((count,), generator) < at_one, torch.ones_like(t), t)
