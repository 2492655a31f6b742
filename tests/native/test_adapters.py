"""The adapters' native passes against their torch expressions."""

import pytest
import torch

from lumaflux.ops import film_layer_norm, gated_low_rank

pytest.importorskip("lumaflux_native")
SHAPES = [
    (1, 920, 192, 6, 8),
    (2, 33, 48, 4, 5),
    (3, 1, 8, 1, 1),
    (1, 70, 200, 5, 16),
]  # batch, tokens, width, heads, rank


def low_rank_inputs(shape):
    batch, tokens, width, heads, rank = shape
    generator = torch.Generator().manual_seed(29)
    normal = lambda *sizes: torch.randn(*sizes, generator=generator)  # noqa: E731
    planes = normal(batch, tokens, width), normal(batch, tokens, width)
    factors = normal(rank, width), normal(width, rank)
    return (
        *planes,
        *factors,
        normal(batch),
        normal(batch),
        normal(batch, tokens, heads),
        normal(batch, heads),
        normal(batch),
    )


def film_inputs(shape):
    batch, tokens, width, *_ = shape
    generator = torch.Generator().manual_seed(31)
    hidden = 5 + torch.randn(batch, tokens, width, generator=generator)
    return hidden, torch.randn(batch, 1, 2 * width, generator=generator), torch.rand(batch), torch.randn(batch)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_low_rank_update(shape):
    inputs = low_rank_inputs(shape)
    for parts in (inputs, inputs[:7]):
        exact = gated_low_rank.expression(*(part.double() for part in parts))
        made = gated_low_rank.gated_low_rank(*parts)
        assert made.dtype == torch.float32
        assert float((made - exact).norm() / exact.norm()) < 1e-6


@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
def test_film(shape):
    inputs = film_inputs(shape)
    exact = film_layer_norm.expression(*(part.double() for part in inputs))
    made = film_layer_norm.film_layer_norm(*inputs)
    assert float((made - exact).norm() / exact.norm()) < 1e-6


def test_no_update_changes_no_bit():
    x, value, down, _, alpha, _, gate, spectral, gain = low_rank_inputs(SHAPES[1])
    up, beta = torch.zeros(48, 5), torch.zeros(2)
    assert torch.equal(gated_low_rank.gated_low_rank(x, value, down, up, alpha, beta, gate, spectral, gain), value)
    hidden, film, alpha, beta = film_inputs(SHAPES[1])
    nothing = torch.zeros_like(film), alpha, torch.zeros_like(beta)
    assert torch.equal(film_layer_norm.film_layer_norm(hidden, *nothing), hidden)


def test_threads_change_no_bit():
    before = torch.get_num_threads()
    low_rank, film = low_rank_inputs(SHAPES[0]), film_inputs(SHAPES[0])
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append((gated_low_rank.gated_low_rank(*low_rank), film_layer_norm.film_layer_norm(*film)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_rows_apart_are_read_as_they_lie():
    hidden, film, alpha, beta = film_inputs(SHAPES[1])
    apart = torch.cat([hidden, hidden], dim=-1)[..., : hidden.shape[-1]]
    assert not apart.is_contiguous()
    whole = film_layer_norm.film_layer_norm(hidden, film, alpha, beta)
    assert torch.equal(film_layer_norm.film_layer_norm(apart, film, alpha, beta), whole)
