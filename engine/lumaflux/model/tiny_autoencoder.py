"""A small convolutional autoencoder: the shape of TAEF2, a distillation of FLUX.2's autoencoder (32 channels, 8x).

Plain 3x3 convolutions and ReLU; at the coarsest level a normalised pointwise branch stands before each residual block.
Latents are deterministic: there is no posterior to sample from.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lumaflux.model.frozen_shapes import TINY_CHANNELS

_BLOCKS = 3  # residual blocks of a level; the finest has one
_LEVELS = 3  # halvings
_EXPANSION, _GROUPS = 4, 4  # of the pointwise branch
_BOUND = 3.0  # latents enter the decoder through a soft bound of this size


class ResidualBlock(nn.Module):
    """relu(x + convolutions(x)); with ``mixed``, x first takes a pointwise branch on."""

    def __init__(self, channels: int, *, mixed: bool):
        super().__init__()

        def conv() -> nn.Conv2d:
            return nn.Conv2d(channels, channels, 3, padding=1)

        self.convolutions = nn.Sequential(conv(), nn.ReLU(), conv(), nn.ReLU(), conv())
        wide = _EXPANSION * channels
        self.mixing = (
            nn.Sequential(
                nn.Conv2d(channels, wide, 1, bias=False),
                nn.GroupNorm(_GROUPS, wide),
                nn.ReLU(),
                nn.Conv2d(wide, channels, 1, bias=False),
            )
            if mixed
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.mixing is not None:
            x = x + self.mixing(x)
        return torch.relu(x + self.convolutions(x))


def _level(channels: int, blocks: int, *, mixed: bool) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, mixed=mixed) for _ in range(blocks)))


class Encoder(nn.Module):
    def __init__(self, channels: int, latent_channels: int):
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.finest = _level(channels, 1, mixed=False)
        self.halvings = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False) for _ in range(_LEVELS)
        )
        self.levels = nn.ModuleList(_level(channels, _BLOCKS, mixed=index == _LEVELS - 1) for index in range(_LEVELS))
        self.last = nn.Conv2d(channels, latent_channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.finest(self.first(pictures))
        for halving, level in zip(self.halvings, self.levels, strict=True):
            x = level(halving(x))
        return self.last(x)


class Decoder(nn.Module):
    def __init__(self, channels: int, latent_channels: int):
        super().__init__()
        self.first = nn.Conv2d(latent_channels, channels, 3, padding=1)
        self.levels = nn.ModuleList(_level(channels, _BLOCKS, mixed=index == 0) for index in range(_LEVELS))
        self.doublings = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels, 3, padding=1, bias=False))
            for _ in range(_LEVELS)
        )
        self.finest = _level(channels, 1, mixed=False)
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        x = torch.relu(self.first(_BOUND * torch.tanh(latents / _BOUND)))
        for level, doubling in zip(self.levels, self.doublings, strict=True):
            x = doubling(level(x))
        return self.last(self.finest(x))


class TinyAutoencoder(nn.Module):
    """Pictures in [-1,1] <-> latents, both ways deterministic. ``config`` holds what it was made of."""

    def __init__(self, *, latent_channels: int, channels: int = TINY_CHANNELS, **normalisation: Any):
        super().__init__()
        self.config = {"latent_channels": latent_channels, "channels": channels, **normalisation}
        self.encoder = Encoder(channels, latent_channels)
        self.decoder = Decoder(channels, latent_channels)

    @property
    def dtype(self) -> torch.dtype:
        return self.encoder.first.weight.dtype

    def latents(self, pixels: Tensor) -> Tensor:
        """Pixels [B,3,H,W] in [-1,1], H and W multiples of 8 -> raw latents [B,c,H/8,W/8]."""
        return self.encoder(0.5 * pixels + 0.5)

    def pixels(self, latents: Tensor) -> Tensor:
        """Raw latents [B,c,h,w] -> pixels [B,3,8h,8w], around [-1,1]."""
        return 2 * self.decoder(latents) - 1
