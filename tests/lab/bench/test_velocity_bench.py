"""The bench's set-up, never its figures: what is compared must be the same computation."""

import torch
from diffusers.models.transformers.transformer_flux import FluxAttnProcessor

from lumaflux.lab.bench.machine import describe
from lumaflux.lab.bench.velocity import TOKENS_PER_SIDE, bench_config, interleaved
from lumaflux.model.build import build


def test_the_transformer_has_the_width_and_tokens_that_the_figure_is_defined_for():
    assert bench_config().width >= 512
    assert TOKENS_PER_SIDE**2 == 1024


def test_bare_and_steered_share_the_frozen_weights():
    model, frozen = build(bench_config(), seed=0).transformer, build(bench_config(), seed=0).transformer
    frozen.set_attn_processor(FluxAttnProcessor())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), frozen.parameters(), strict=True))


def test_rounds_interleave():
    order = []
    seconds = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 5  # two warm-up rounds
    assert [len(values) for values in seconds.values()] == [3, 3]


def test_the_machine_is_named():
    assert "cores" in describe()
    assert "torch" in describe()
