"""SDR renderings that no standard lists: random monotone curves on luminance or channels.

They keep a model from learning eight operators by heart. Pointwise, batched, in torch.
"""

import torch
from torch import Tensor

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, apply_matrix, luminance, rgb_to_rgb
from lumaflux.lab.data.draws import SDR_WHITE_NITS, normal, rand, uniform

_KNOTS = 6  # segments of the random warp of the SDR signal


def random_warp(count: int, deviation: float, generator: torch.Generator) -> Tensor:
    """Values [count, K+1] of increasing curves from 0 to 1 over equal segments."""
    steps = (deviation * normal((count, _KNOTS), generator)).softmax(-1)
    return torch.cat([steps.new_zeros(count, 1), steps.cumsum(-1)], dim=-1)


def warp(signal: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear curve of each batch element on [B,C,H,W] in [0,1]."""
    flat = signal.flatten(1) * _KNOTS
    index = flat.detach().floor().clamp(0, _KNOTS - 1).long()
    low, high = values.gather(1, index), values.gather(1, index + 1)
    return (low + (high - low) * (flat - index)).view_as(signal)


def render_random(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """A PQ/BT.2020 master [B,3,H,W] -> SDR signals in [0,1], each batch element by a curve of its own."""
    count = len(hdr_pq)
    column = (count, 1, 1, 1)
    light = apply_matrix(rgb_to_rgb(BT2020, BT709), pq.eotf(hdr_pq)) / SDR_WHITE_NITS
    light = light.clamp(min=0) * 2 ** uniform(column, -1.0, 1.2, generator)
    white = uniform(column, 1.2, 10.0, generator)
    gamma = uniform(column, 2.0, 2.7, generator)
    strength = uniform(column, 0.0, 1.0, generator)  # 0 clips at SDR white, 1 is Reinhard's curve

    def tone(x: Tensor) -> Tensor:
        compressed = x * (1 + x / white**2) / (1 + x)
        return (strength * compressed + (1 - strength) * x.clamp(max=1.0)).clamp(0, 1)

    y = luminance(light, BT709_LUMA)
    by_luminance = (light * (tone(y) / y.clamp(min=1e-6))).clamp(0, 1)
    per_channel = tone(light)
    mixed = torch.where(rand(column, generator) < 0.5, by_luminance, per_channel)
    signal = bt1886.inverse_eotf(mixed, white_nits=1.0) ** (2.4 / gamma)
    return warp(signal.clamp(0, 1), random_warp(count, 0.35, generator))
