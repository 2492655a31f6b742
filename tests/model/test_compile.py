"""A steered block is one graph for torch.compile, without complex numbers, and gives the eager block's numbers."""

from dataclasses import replace

import pytest
import torch

from lumaflux.model.attention import rotary_turns, rotate
from lumaflux.model.build import build
from lumaflux.model.conditioner import modulation
from lumaflux.model.latents import pack
from lumaflux.model.presets import TINY_FLUX


def angles(tokens, size):
    turns = torch.rand(tokens, size // 2, generator=torch.Generator().manual_seed(1)).repeat_interleave(2, dim=1)
    return turns.cos(), turns.sin()


def test_real_rotary_products_are_the_complex_ones():
    x = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    turns = rotary_turns(*angles(7, 8))
    torch._dynamo.reset()
    compiled = torch.compile(rotate, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(x, turns), rotate(x, turns), atol=1e-6)
    assert not torch.equal(rotate(x, turns), x)


@pytest.mark.parametrize("index", [0, 1], ids=["double-stream", "single-stream"])
def test_a_block_is_one_graph(index):
    graphs = []

    def look(graph, _):
        graphs.append(graph)
        return graph.forward

    model = build(replace(TINY_FLUX, bottleneck=64), seed=0).eval()
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.01 * torch.randn_like(parameter, generator=torch.Generator().manual_seed(2)))
    side = model.config.token_stride
    t = torch.tensor([0.5])
    with torch.no_grad():
        seen, psi = model.condition(torch.rand(1, 3, 3 * side, 4 * side)), model.psi(t)
        tokens = pack(torch.randn(1, model.config.latent_channels, 6, 8))
        hidden, context, temb = model.begun(tokens, t, seen.context, seen.pooled)
        given = {"seen": seen.blocks[index], "row": modulation(psi, index), "temb": temb, "rotary": seen.rotary}
        torch._dynamo.reset()
        compiled = torch.compile(model.steered_block, backend=look, fullgraph=True)
        found = compiled(index, hidden, context, **given)
        eager = model.steered_block(index, hidden, context, **given)
    assert len(graphs) == 1
    values = [node.meta["example_value"] for node in graphs[0].graph.nodes if "example_value" in node.meta]
    assert not [value for value in values if isinstance(value, torch.Tensor) and value.is_complex()]
    for mine, reference in zip(found, eager, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)
