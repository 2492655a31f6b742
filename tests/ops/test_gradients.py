"""Operators over pixels have the gradient of their expressions: training by the product's path needs it on a GPU."""

from typing import Any

import torch

from lumaflux.inference.composition import gain_expression
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.model.spline import PEAK_PQ, knots_from_logits, tone_expression
from lumaflux.ops import gain_map, spline_pq


def uniform(*shape, seed=3):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(function, inputs):
    held = [part.clone().requires_grad_() for part in inputs]
    result = function(*held)
    return torch.autograd.grad(result, held, uniform(*result.shape, seed=9))


def test_the_gain_map_has_its_expressions_gradient():
    inputs = [0.2 + 0.5 * uniform(2, 3, 6, 8), *(uniform(2, 3, 3, 4, seed=s) - 0.5 for s in (4, 5, 6))]
    inputs.append(uniform(2, 1, 6, 8, seed=7))
    numbers: list[Any] = [1, 9, OFFSET_NITS, LARGEST_STOPS]
    found = gradients(lambda *parts: gain_map.gain_map(*parts, *numbers), inputs)
    exact = gradients(lambda *parts: gain_expression(*parts, *numbers), inputs)
    for mine, reference in zip(found, exact, strict=True):
        assert float(reference.abs().max()) > 1e-3
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)


def test_without_a_share_the_others_have_theirs():
    inputs = [0.2 + 0.5 * uniform(1, 3, 6, 8), *(uniform(1, 3, 3, 4, seed=s) - 0.5 for s in (4, 5, 6))]
    inputs = [part.requires_grad_() for part in inputs]
    gain_map.gain_map(*inputs, None, 0, 6, OFFSET_NITS, LARGEST_STOPS).sum().backward()
    assert all(float(part.grad.abs().max()) > 0 for part in inputs[:3])
    assert inputs[3].grad is None  # structure enters by its share alone


def test_the_tone_field_has_its_expressions_gradient():
    knots = knots_from_logits(uniform(2, 25) - 0.5, 8)
    inputs = [0.05 + 0.6 * uniform(2, 3, 5, 7), *(part.double() for part in (knots.x, knots.y, knots.derivatives))]
    inputs += [torch.eye(2, dtype=torch.float64).view(2, 2, 1, 1) + 0.05 * uniform(2, 2, 1, 1), 0.01 * uniform(2)]
    found = gradients(lambda *parts: spline_pq.spline_pq(*[*parts, PEAK_PQ]), inputs)
    exact = gradients(lambda *parts: tone_expression(*[*parts, PEAK_PQ]), inputs)
    for mine, reference in zip(found, exact, strict=True):
        assert float(reference.abs().max()) > 1e-4
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-12)
