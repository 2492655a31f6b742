"""The Euler sampler along the noisy linear bridge (paper section 3.4): t from 1 (SDR) to 0 (HDR)."""

from collections.abc import Callable

import torch
from torch import Tensor

from lumaflux.backends.network import Network
from lumaflux.model.lumaflux import Conditions


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
) -> Tensor:
    """z(1) [B,c,h,w] -> z(0): z <- z + (t_{i+1} - t_i) v(z, t_i). Psi is computed once for the whole schedule."""
    psi = network.psi(times[:-1])
    for i in range(len(times) - 1):
        t = times[i].expand(len(z))
        velocity = network.velocity(z, t, conditions, psi[i : i + 1].expand(len(z), -1, -1))
        z = z + (times[i + 1] - times[i]) * velocity
        if on_step is not None:
            on_step()
    return z
