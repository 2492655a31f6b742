"""First-block caching: bit-equal without a bound, fewer blocks with one; alone, in a batch and in tiles."""

import numpy as np
import pytest
import torch
from small_klein import SMALL

from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter
from lumaflux.inference.sampler import euler, schedule
from lumaflux.model.build import build
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.presets import TINY_FLUX
from lumaflux.settings import Settings

STEPS = 6


def counted(model):
    """How often each block is evaluated."""
    calls, real = [0] * model.config.blocks, model.steered_block

    def steered_block(index, *given, **named):
        calls[index] += 1
        return real(index, *given, **named)

    model.steered_block = steered_block
    return calls


@pytest.mark.parametrize("config", [TINY_FLUX, SMALL], ids=["flux", "klein"])
def test_a_bound_leaves_blocks_out_and_none_changes_no_bit(config):
    model, sdr = build(config, seed=0).eval(), torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    calls, flow = counted(model), schedule(STEPS)
    with torch.no_grad():
        seen, start = model.condition(sdr), model.encode(sdr)
        whole = euler(model, start, seen, flow)
        assert calls == [STEPS] * 3
        z, cache, psi = start, FirstBlockCache(0.0), model.psi(flow[:-1])
        for i in range(STEPS):
            row = psi[i : i + 1].expand(2, -1, -1)
            z = z + (flow[i + 1] - flow[i]) * model.velocity(z, flow[i].expand(2), seen, row, cache)
        assert torch.equal(z, whole)
        assert torch.equal(euler(model, start, seen, flow, block_reuse=1e-9), whole)
        calls[:] = [0] * 3
        near = euler(model, start, seen, flow, block_reuse=9.0)
    assert calls == [STEPS, 1, 1]
    assert 0 < (near - whole).norm() < 0.2 * (start - whole).norm()


def test_each_frame_of_a_batch_decides_as_alone():
    entered, first = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    moved = first * torch.tensor([1.02, 1.5]).view(2, 1, 1)
    seen = []
    for rows in (slice(0, 2), slice(0, 1), slice(1, 2)):
        cache = FirstBlockCache(0.1)
        cache.through(entered[rows], first[rows], lambda rows=rows: first[rows] + 1)
        seen.append(cache.through(entered[rows], moved[rows], lambda rows=rows: moved[rows] + 5))
    assert torch.equal(seen[0], torch.cat(seen[1:]))
    assert torch.allclose(seen[0], torch.tensor([2.02, 6.5]).view(2, 1, 1).expand(2, 3, 4))


def test_what_was_kept_moves_on_only_where_all_blocks_were_evaluated():
    """Small changes add up: they are compared with the step that was evaluated whole, not with the one before."""
    cache, calls = FirstBlockCache(0.1), []
    for step in range(5):
        first = torch.full((1, 2, 2), 1 + 0.06 * step)
        cache.through(torch.zeros_like(first), first, lambda first=first: calls.append(1) or first)
    assert len(calls) == 3


def test_the_setting_reaches_every_tile():
    converter = Converter(TorchBackend(build(TINY_FLUX, seed=0), device="cpu"), tile=128)
    frame = np.random.default_rng(0).random((3, 144, 176), dtype=np.float32)
    calls = counted(converter.backend.network)
    whole = converter.render(frame, Settings(steps=4, detail=0.0))
    tiles = calls[0] // 4
    assert tiles > 1
    assert calls == [4 * tiles] * 3
    for reuse in ({"block_reuse": 1.0}, {"step_reuse": 1.0}):
        calls[:] = [0] * 3
        near = converter.render(frame, Settings(steps=4, detail=0.0, **reuse))
        assert calls[0] == (4 if "block_reuse" in reuse else 3) * tiles
        assert calls[1] == calls[2] < 4 * tiles
        assert 0 < np.abs(near - whole).mean() < 0.02
