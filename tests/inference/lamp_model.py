"""A small random model whose transformer makes highlights alone, and a picture for it."""

from dataclasses import replace

import torch

from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter
from lumaflux.model.build import build
from lumaflux.model.presets import TINY

HIGHLIGHTS = replace(TINY, name="highlights", local_light="highlights", working_pixels=1024, tone_bins=4)


def lamp_converter() -> Converter:
    return Converter(TorchBackend(build(HIGHLIGHTS, seed=0)))


def with_lamp() -> torch.Tensor:
    """SDR [3,64,96]: noise around a clipped rectangle."""
    frame = 0.6 * torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0))
    frame[:, 20:40, 30:60] = 1.0
    return frame
