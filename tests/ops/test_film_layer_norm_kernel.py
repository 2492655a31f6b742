"""FiLM with LayerNorm under emulation, against float64."""

import pytest
import torch

from lumaflux.ops.emulation import ORDERS
from lumaflux.ops.sources import film_layer_norm

WITHIN = 1e-3  # relative L2, beside the rounding of the result to its type


def run(emulated, guarded, dtype, shape, *, order="forwards", mean=0.0, scale=1.0, edits=()):
    generator = torch.Generator().manual_seed(7)
    batch, tokens, width = shape
    hidden = (mean + scale * torch.randn(shape, generator=generator)).to(dtype)
    film = torch.randn(batch, 2 * width, generator=generator).to(dtype)
    alpha, beta = torch.rand(batch, generator=generator), torch.randn(batch, generator=generator)
    y = guarded(torch.zeros(shape), dtype, 7.0)
    arguments = [*(guarded(part).values for part in (hidden, film, alpha, beta)), y.values, tokens, width]
    arguments += [tokens * width, 1]
    variant = film_layer_norm(str(dtype).removeprefix("torch."), width)
    emulated(variant, edits)((tokens, batch, 1), arguments, order, 1)
    assert y.intact
    h, alpha, beta = hidden.double(), alpha.double()[:, None, None], beta.double()[:, None, None]
    gamma, zeta = (alpha * film.double()[:, None] + beta).chunk(2, dim=-1)
    return y.values, h + zeta + gamma * torch.nn.functional.layer_norm(h, (width,), eps=1e-5)


CASES = {
    "flux": ((1, 3, 3072), 0.0, 1.0),
    "lite": ((2, 5, 192), 0.0, 1.0),
    "widest": ((1, 2, 4096), 0.0, 1.0),
    "ragged": ((2, 2, 1032), 0.0, 1.0),
    "far from zero": ((1, 3, 192), 60.0, 0.5),
    "large": ((1, 3, 192), 0.0, 2e3),
    "small": ((1, 3, 192), 0.0, 1e-3),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_float64(emulated, guarded, relative_error, name, dtype):
    shape, mean, scale = CASES[name]
    result, exact = run(emulated, guarded, dtype, shape, mean=mean, scale=scale)
    rounding = relative_error(exact.to(dtype), exact)
    assert relative_error(result, exact) < (rounding**2 + WITHIN**2) ** 0.5


def test_no_order_of_threads_changes_a_bit(emulated, guarded):
    results = [run(emulated, guarded, torch.float16, (2, 5, 192), order=order)[0] for order in ORDERS]
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


MUTATIONS = {
    "dropped barrier": ("  __syncthreads();\n", "\n"),
    "a shuffle left out": ("mask = 16;", "mask = 8;"),
    "the wrong half": ("modulation + d + channel", "modulation + channel"),
    "channels beyond the end": ("channel < d ? load_eight", "true ? load_eight"),
    "another picture's number": ("alpha[number]", "alpha[0]"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_kernel_is_caught(emulated, guarded, relative_error, name):
    caught = False
    for order in ORDERS:
        result, exact = run(emulated, guarded, torch.float16, (2, 5, 1032), order=order, edits=[MUTATIONS[name]])
        caught |= not relative_error(result, exact) < 2 * WITHIN
    assert caught
