"""Training by the product's path on a CUDA device: the picture's losses reach what made the light."""

import torch

from lumaflux.inference.composition import GainGrid, compose_reference
from lumaflux.inference.detail import GuidedFilter


def test_composition_keeps_the_gradient(cuda):
    sdr = torch.empty(2, 3, 64, 64, device=cuda)
    slope, level, structure = (torch.empty(2, 3, 32, 32, device=cuda, requires_grad=True) for _ in range(3))
    light = GainGrid(guided=GuidedFilter(slope=slope, level=level), structure=structure)
    composed = compose_reference(sdr, sdr, lambda codes: codes, light, 0.5)
    assert composed.requires_grad  # an operator without a gradient cuts it off without a word
