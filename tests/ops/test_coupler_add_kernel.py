"""The coupler with its residual under emulation, against float64."""

from dataclasses import replace

import pytest
import torch

from lumaflux.ops.emulation import ORDERS
from lumaflux.ops.sources import coupler_add

WITHIN = 1e-3  # relative L2

CASES = {  # batch, tokens, width, bottleneck, blocks that share the tokens
    "whole tiles": (1, 64, 128, 64, 1),
    "ragged tokens": (2, 77, 192, 64, 1),
    "one token": (1, 1, 64, 64, 1),
    "ragged channels": (1, 70, 200, 64, 2),
    "narrow": (2, 66, 72, 32, 3),
}


def run(emulated, guarded, dtype, case, *, order="forwards", edits=(), scale=1.0):
    generator = torch.Generator().manual_seed(3)
    batch, tokens, width, bottleneck, blocks = case
    normal = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    z = (scale * normal(batch, tokens, width)).to(dtype)
    bottlenecks = (scale * normal(batch, tokens, 2 * bottleneck)).to(dtype)
    physical, perceptual = ((0.2 * normal(width, bottleneck)).to(dtype) for _ in range(2))
    coupling = torch.rand(batch, generator=generator)
    y = guarded(torch.full(z.shape, 5.0), torch.float32, 7.0)
    held = [guarded(part).values for part in (z, bottlenecks, physical, perceptual, coupling)]
    variant = coupler_add(str(dtype).removeprefix("torch."), bottleneck)
    variant = replace(variant, macros=variant.macros | {"WIDE_RESULT": "1"})
    grid = (blocks, batch, -(-width // 128))
    emulated(variant, edits)(grid, [*held, y.values, tokens, width, tokens * width, 1], order, 2)
    assert y.intact
    weight = torch.cat([physical, perceptual], dim=1).double()
    return y.values, z.double() + coupling.double()[:, None, None] * (bottlenecks.double() @ weight.T)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_float64(emulated, guarded, relative_error, name, dtype):
    result, exact = run(emulated, guarded, dtype, CASES[name])
    assert relative_error(result, exact) < WITHIN


@pytest.mark.parametrize("scale", [1e-4, 300.0])
def test_agrees_at_extremes(emulated, guarded, relative_error, scale):
    result, exact = run(emulated, guarded, torch.float16, CASES["ragged tokens"], scale=scale)
    assert relative_error(result, exact) < WITHIN


def test_no_order_of_threads_changes_a_bit(emulated, guarded):
    results = [run(emulated, guarded, torch.float16, CASES["ragged tokens"], order=order)[0] for order in ORDERS]
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


MUTATIONS = {
    "swapped fragment": (
        "{b[0][chunk].pairs[2 * half], b[1][chunk].pairs[2 * half],",
        "{b[1][chunk].pairs[2 * half], b[0][chunk].pairs[2 * half],",
    ),
    "swapped weights": ("? physical : perceptual", "? perceptual : physical"),
    "a column out of place": ("+ 2 * tile + column % 2", "+ column % 2 * 4 + tile"),
    "one token too many": ("rows[which] >= count", "rows[which] > count"),
    "a group of tokens left out": ("group += gridDim.x * kWarps", "group += gridDim.x * kWarps + 1"),
    "another picture's coupling": ("coupling[static_cast<size_t>(picture) * number_step]", "coupling[0]"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_kernel_is_caught(emulated, guarded, relative_error, name):
    case = (2, 73, 192, 64, 1)
    try:
        result, exact = run(emulated, guarded, torch.float16, case, edits=[MUTATIONS[name]])
    except AssertionError:  # a guard was touched
        return
    assert not relative_error(result, exact) < WITHIN
