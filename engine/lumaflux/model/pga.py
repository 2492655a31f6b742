"""PGA: the gated low-rank update of a block's value projection (paper section 3.3, eq. 5).

delta_v = G * (alpha * U(D x) + beta * x),   G = sigmoid(W_v [T_phys, g]) * (1 + n_spec * softplus(W_r r))
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.model.conditioner import Modulation
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.zero_init import zero_init
from lumaflux.ops.gated_low_rank import gated_low_rank


@dataclass(frozen=True, kw_only=True)
class ValueGate:
    """The t-independent part of G."""

    physical: Tensor  # [B, tokens, heads]; 1 for context tokens
    spectral: Tensor  # [B, 1, heads]


class ValueUpdate(nn.Module):
    """Delta of ``to_v`` for one block. ``context_tokens`` precede the image tokens in single-stream blocks."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.kind = config.variant.value_update
        self.heads = config.heads
        self.down = nn.Linear(config.width, config.rank, bias=False)
        self.up = zero_init(nn.Linear(config.rank, config.width, bias=False))
        self.gate = nn.Linear(config.physical_channels + config.statistics_channels, config.heads)
        self.spectral = nn.Linear(config.spectral_rings, config.heads)

    def prepare(self, t_phys: Tensor, g: Tensor, r: Tensor, context_tokens: int) -> ValueGate:
        """T_phys [B,n,32], g [B,16], r [B,8] -> the gate of ``context_tokens + n`` tokens."""
        cues = torch.cat([t_phys, g.unsqueeze(1).expand(-1, t_phys.shape[1], -1)], dim=-1)
        physical = self.gate(cues).sigmoid()
        spectral = F.softplus(self.spectral(r)).unsqueeze(1).to(physical.dtype)  # autocast leaves it in float32
        return ValueGate(physical=F.pad(physical, (0, 0, context_tokens, 0), value=1.0), spectral=spectral)

    def forward(self, x: Tensor, value: Tensor, gate: ValueGate, modulation: Modulation) -> Tensor:
        """x [B,tokens,d], the input of ``to_v``, and its output ``value`` -> value + delta_v."""
        if self.kind == "lora":
            return value + self.up(self.down(x))
        whole = self.kind == "pga"
        return gated_low_rank(
            x,
            value,
            self.down.weight,
            self.up.weight,
            modulation.alpha_pga,
            modulation.beta_pga,
            gate.physical,
            gate.spectral.squeeze(1) if whole else None,
            modulation.spectral_gain if whole else None,
        )
