"""The gated low-rank kernel under emulation, against float64; and that its tests would notice a broken one."""

from dataclasses import dataclass, replace

import pytest
import torch

from lumaflux.ops.emulation import ORDERS
from lumaflux.ops.sources import gated_low_rank

WITHIN = 1e-3  # relative L2, of what the arithmetic adds to the rounding of the result to its type


@dataclass(frozen=True, kw_only=True)
class Case:
    batch: int = 1
    tokens: int = 64
    width: int = 256
    heads: int = 4
    rank: int = 8
    scale: float = 1.0  # of x, and of value where small
    factors: float = 0.1
    beta: float = 0.7
    node: bool = False


CASES = {
    "whole tiles": Case(),
    "one token": Case(tokens=1),
    "ragged tokens": Case(batch=2, tokens=77),
    "ragged channels": Case(tokens=70, width=264, heads=33),
    "fewer channels than parts": Case(tokens=9, width=40, heads=5),
    "rank 16": Case(tokens=65, rank=16),
    "rank 32": Case(batch=3, tokens=66, rank=32, heads=2),
    "as an engine's node": Case(batch=2, tokens=77, rank=16, node=True),
    "large": Case(scale=4000.0, factors=4.0, beta=0.0),  # sums beyond fp16's 65504 inside, results below
    "small": Case(scale=1e-4, factors=1e-2),
    "only the direct term": Case(factors=0.0),
}


def inputs_of(case, dtype):
    generator = torch.Generator().manual_seed(5)
    normal = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    shape = (case.batch, case.tokens, case.width)
    uniform = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    gate, spectral, alpha = (
        uniform(case.batch, case.tokens, case.heads),
        uniform(case.batch, case.heads),
        uniform(case.batch),
    )
    if case.scale > 1:
        alpha, gate = alpha * 1e-4, gate * 1e-2
    down, up = case.factors * normal(case.rank, case.width), case.factors * normal(case.width, case.rank)
    return {
        "x": (case.scale * normal(*shape)).to(dtype),
        "value": (min(case.scale, 1.0) * normal(*shape)).to(dtype),
        "down": down.to(dtype),
        "up": up.to(dtype),
        "alpha": alpha,
        "beta": case.beta * normal(case.batch),
        "gain": uniform(case.batch),
        "gate": gate.to(dtype),
        "spectral": spectral.to(dtype),
    }


def reference(inputs):
    """The update as the paper writes it, in float64."""
    x, value, down, up, alpha, beta, gain, gate, spectral = (part.double() for part in inputs.values())
    each = [number[:, None, None] for number in (alpha, beta, gain)]
    update = each[0] * (x @ down.T @ up.T) + each[1] * x
    factor = gate * (1 + each[2] * spectral[:, None])
    return value + (update.unflatten(-1, (factor.shape[-1], -1)) * factor.unsqueeze(-1)).flatten(-2)


def run(emulated, guarded, case, dtype, *, wide, order="forwards", seed=0, edits=()):
    inputs = inputs_of(case, dtype)
    variant = gated_low_rank(str(dtype).removeprefix("torch."), case.rank, node=case.node)
    if wide:
        variant = replace(variant, macros=variant.macros | {"WIDE_RESULT": "1"})
    given = dict(inputs)
    if case.node:
        given |= {"down": inputs["down"].T, "up": inputs["up"].T}
        given |= {"alpha": inputs["alpha"].to(dtype), "beta": inputs["beta"].to(dtype)}
        inputs |= {"alpha": given["alpha"], "beta": given["beta"], "gain": torch.zeros(case.batch)}
        del given["gain"], given["spectral"]
    held = [guarded(part) for part in given.values()]
    y = guarded(torch.full(inputs["x"].shape, float("nan")), torch.float32 if wide else dtype, 7.0)
    grid = (-(-case.tokens // 64), case.batch, 1)
    sizes = [case.tokens, case.width, case.heads]
    tensors = [part.values for part in held]
    arguments = [*tensors, *sizes, y.values] if case.node else [*tensors, y.values, *sizes, 1]
    emulated(variant, edits)(grid, arguments, order, seed)
    assert y.intact
    return y.values, reference(inputs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_float64(emulated, guarded, relative_error, name, dtype):
    result, exact = run(emulated, guarded, CASES[name], dtype, wide=True)
    assert relative_error(result, exact) < WITHIN


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_the_rounded_result_adds_the_rounding_of_its_type(emulated, guarded, relative_error, dtype):
    result, exact = run(emulated, guarded, CASES["ragged tokens"], dtype, wide=False)
    rounding = relative_error(exact.to(dtype), exact)
    assert relative_error(result, exact) < (rounding**2 + WITHIN**2) ** 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", ORDERS)
def test_no_order_of_threads_changes_a_bit(emulated, guarded, order, seed):
    case = CASES["ragged tokens"]
    first, _ = run(emulated, guarded, case, torch.float16, wide=True)
    other, _ = run(emulated, guarded, case, torch.float16, wide=True, order=order, seed=seed)
    assert torch.equal(first, other)


MUTATIONS = {
    "swapped fragment": (
        "{a0.pairs[2 * half], a1.pairs[2 * half],",
        "{a1.pairs[2 * half], a0.pairs[2 * half],",
    ),
    "swapped halves of k": ("{b.pairs[2 * half], b.pairs[2 * half + 1]}", "{b.pairs[2 * half + 1], b.pairs[2 * half]}"),
    "dropped barrier": ("  __syncthreads();\n", "  \n"),
    "wrong gate index": ("gate[token * heads + head]", "gate[token * heads + (head + 1) % heads]"),
    "the first token's gate": ("gate[token * heads + head]", "gate[(image + first) * heads + head]"),
    "no spectral factor": (") * spectrum;", ");"),
    "one token too many": ("second < count;", "second <= count;"),
    "one token too few": ("second < count;", "second + 1 < count;"),
    "channels beyond the end": (
        "const bool inside = channel < end;\n    const unsigned",
        "const bool inside = true;\n    const unsigned",
    ),
    "a part left out": ("from < kParts; ++from", "from < kParts - 1; ++from"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_kernel_is_caught(emulated, guarded, relative_error, name):
    case = replace(CASES["ragged tokens"], tokens=73, width=392, heads=49)
    caught = []
    for order in ORDERS:
        try:
            result, exact = run(emulated, guarded, case, torch.float16, wide=True, order=order, edits=[MUTATIONS[name]])
        except (AssertionError, RuntimeError):  # a guard was touched, or threads wait for ever
            caught.append(order)
        else:
            error = relative_error(result, exact)
            caught += [order] if not error < WITHIN else []
    assert caught
