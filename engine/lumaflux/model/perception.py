"""Perceptual cues (paper section 3.2): SigLIP tokens, and what takes the place of the prompt."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.zero_init import zero_init


def siglip_input(sdr: Tensor, image_size: int) -> Tensor:
    """SDR [B,3,H,W] in [0,1] -> the tower's square input in [-1,1]; the aspect ratio is ignored."""
    square = F.interpolate(sdr, (image_size, image_size), mode="bilinear", align_corners=False, antialias=False)
    return 2 * square - 1


@dataclass(frozen=True, kw_only=True)
class Perception:
    tokens: Tensor  # T_perc [B,s,d]
    context: Tensor  # in place of the T5 tokens [B,8+s,joint width]
    pooled: Tensor | None  # in place of CLIP's pooled vector [B,pooled width]; FLUX.2 has none


class PerceptualCues(nn.Module):
    """Connectors from SigLIP tokens [B,s,d_s] and the statistics g [B,16] to the transformer's inputs."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        siglip_width, middle = config.siglip["hidden_size"], config.bottleneck
        joint = config.transformer["joint_attention_dim"]
        pooled = config.transformer.get("pooled_projection_dim")  # FLUX.2 has none
        self.connector = nn.Sequential(nn.Linear(siglip_width, middle), nn.SiLU(), nn.Linear(middle, config.width))
        self.context_connector = nn.Sequential(nn.Linear(siglip_width, middle), nn.SiLU(), nn.Linear(middle, joint))
        self.null_context = nn.Parameter(0.02 * torch.randn(config.null_tokens, joint))
        self.pooled_from_statistics = None
        if pooled is not None:
            self.null_pooled = nn.Parameter(torch.zeros(pooled))
            self.pooled_from_statistics = zero_init(nn.Linear(config.statistics_channels, pooled))

    def forward(self, siglip_tokens: Tensor, g: Tensor) -> Perception:
        null = self.null_context.expand(len(siglip_tokens), -1, -1)
        return Perception(
            tokens=self.connector(siglip_tokens),
            context=torch.cat([null, self.context_connector(siglip_tokens)], dim=1),
            pooled=self.pooled_from_statistics and self.null_pooled + self.pooled_from_statistics(g),
        )
