"""Psi(t, l): the one conditioner of all modules, a function of flow time and block index (paper section 3.3)."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.precision import full_precision
from lumaflux.model.zero_init import zero_init

_INITIAL = (-2.0, 0.0, -2.0, 0.0, -4.0, -2.0)  # before the activations, in the order of the fields below


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """The six numbers of one block, each [B], float32."""

    alpha_pga: Tensor
    beta_pga: Tensor
    alpha_pcm: Tensor
    beta_pcm: Tensor
    spectral_gain: Tensor  # n_spec
    coupling: Tensor  # lambda


class Conditioner(nn.Module):
    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        width = config.conditioner_channels
        self.width = width
        self.time = nn.Linear(width, width)
        self.block = nn.Embedding(config.blocks, width)
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, len(_INITIAL))
        zero_init(self.head)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor(_INITIAL))

    @full_precision
    def forward(self, t: Tensor) -> Tensor:
        """Flow times [B] in [0,1] -> the table [B, blocks, 6] of activated modulations."""
        e = self.time(self._time_features(t)).unsqueeze(1) + self.block.weight
        raw = self.head(F.silu(self.hidden(F.silu(e))))
        alpha_pga, beta_pga, alpha_pcm, beta_pcm, spectral, coupling = raw.unbind(-1)
        return torch.stack(
            [
                alpha_pga.sigmoid(),
                beta_pga,
                alpha_pcm.sigmoid(),
                beta_pcm,
                F.softplus(spectral),
                coupling.sigmoid(),
            ],
            dim=-1,
        )

    def _time_features(self, t: Tensor) -> Tensor:
        half = self.width // 2
        index = torch.arange(half, dtype=torch.float32, device=t.device)
        angles = 1000 * t.float().unsqueeze(-1) * torch.exp(-math.log(10000.0) * index / half)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


def modulation(table: Tensor, block: int) -> Modulation:
    """Row ``block`` of a table [B, blocks, 6]: views of it, in its type."""
    row = table[:, block]
    return Modulation(
        alpha_pga=row[:, 0],
        beta_pga=row[:, 1],
        alpha_pcm=row[:, 2],
        beta_pcm=row[:, 3],
        spectral_gain=row[:, 4],
        coupling=row[:, 5],
    )
