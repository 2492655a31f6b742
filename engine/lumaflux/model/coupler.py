"""The HDR residual coupler after every block (paper section 3.3, eq. 7).

    z <- z + lambda * (W_p T_phys + W_c resize(T_perc))

Both maps end in a bias-free linear layer, so the two bottlenecks are kept side by side, once a frame, and each
step pays one thin matrix product that also adds the residual.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.model.conditioner import Modulation
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.zero_init import zero_init
from lumaflux.ops.coupler_add import coupler_add


class ResidualCoupler(nn.Module):
    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        middle, width = config.bottleneck, config.width
        self.physical_in = nn.Linear(config.physical_channels, middle, bias=False)
        self.physical_out = zero_init(nn.Linear(middle, width, bias=False))
        self.perceptual_in = nn.Linear(width, middle, bias=False)
        self.perceptual_out = zero_init(nn.Linear(middle, width, bias=False))

    def prepare(self, t_phys: Tensor, t_perc: Tensor, grid: tuple[int, int]) -> Tensor:
        """T_phys [B,n,32], T_perc [B,s,d], token grid (rows, columns) -> both bottlenecks [B,n,128]."""
        physical = self.physical_in(t_phys)
        # the first layer is linear and has no bias: resizing its 64 outputs is resizing its d inputs
        perceptual = resize_tokens(self.perceptual_in(t_perc), grid)
        return F.silu(torch.cat([physical, perceptual], dim=-1))

    def forward(self, hidden: Tensor, bottlenecks: Tensor, modulation: Modulation) -> Tensor:
        """z [B,n,d] -> z + lambda * (...)."""
        physical, perceptual = self.physical_out.weight, self.perceptual_out.weight
        return coupler_add(hidden, bottlenecks, physical, perceptual, modulation.coupling)


def resize_tokens(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens [B,s,c] as a square grid, bilinear to ``grid``: [B,n,c]; their mean everywhere if s is no square."""
    batch, count, channels = tokens.shape
    side = math.isqrt(count)
    if side * side != count:
        return tokens.mean(dim=1, keepdim=True).expand(batch, grid[0] * grid[1], channels)
    square = tokens.transpose(1, 2).unflatten(-1, (side, side))
    resized = F.interpolate(square, grid, mode="bilinear", align_corners=False)
    return resized.flatten(2).transpose(1, 2)
