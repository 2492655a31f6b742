"""PCM: FiLM from semantics before every block (paper section 3.3, eq. 6), in its residual form."""

from torch import Tensor, nn

from lumaflux.model.conditioner import Modulation
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.zero_init import zero_init
from lumaflux.ops.film_layer_norm import film_layer_norm


class PerceptualModulation(nn.Module):
    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.bottleneck),
            nn.SiLU(),
            zero_init(nn.Linear(config.bottleneck, 2 * config.width)),
        )

    def prepare(self, t_perc: Tensor) -> Tensor:
        """T_perc [B,s,d] -> the t-independent FiLM vector [B,1,2d]: gamma, then zeta."""
        return self.mlp(t_perc.mean(dim=1, keepdim=True))

    def forward(self, hidden: Tensor, film: Tensor, modulation: Modulation) -> Tensor:
        """h [B,n,d] -> h + gamma * LN(h) + zeta."""
        return film_layer_norm(hidden, film, modulation.alpha_pcm, modulation.beta_pcm)
