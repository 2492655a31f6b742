"""What the adapters of one step put on a GPU: three kernels a block, and nothing beside them.

Kernels are noted, not launched; every other operation that writes memory is counted as a launch.
"""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX
from lumaflux.ops import coupler_add, film_layer_norm, gated_low_rank, launch

pytest.importorskip("cuda.bindings")
OPERATORS = (coupler_add.coupler_add, film_layer_norm.film_layer_norm, gated_low_rank.gated_low_rank)
MODULES = {operator.qualified: operator for operator in OPERATORS}
_FREE = {"aten.empty.memory_format", "aten.new_empty.default", "aten.detach.default"}  # they launch nothing


class Launches(TorchDispatchMode):
    """Every operator of ours takes its kernel; what the others write is counted by name."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        module = MODULES.get(func._schema.name)
        if module is not None:
            with self:
                module.kernel(*args)
            return module.expression(*args)
        result = func(*args, **(kwargs or {}))
        held = {part.untyped_storage()._cdata for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)}
        made = [part for part in tree_leaves(result) if isinstance(part, torch.Tensor)]
        writes = func._schema.is_mutable or any(part.untyped_storage()._cdata not in held for part in made)
        if writes and str(func) not in _FREE:
            self.counts[str(func)] += 1
        return result


@pytest.fixture
def noted(monkeypatch):
    """Launches of kernels; tensors of the CPU count as lying on a device of compute capability 9.0."""
    names = Counter()
    monkeypatch.setattr(launch, "run", lambda variant, *_: names.update([variant.name]))
    real = launch.obstacle
    monkeypatch.setattr(
        launch, "obstacle", lambda tensors, elements, _=None, **rest: real(tensors, elements, 90, **rest)
    )
    return names


def model_of(dtype=torch.bfloat16):
    return build(replace(TINY_FLUX, bottleneck=64), seed=0).cast(dtype)


def inputs_of(model, batch):
    side = model.config.token_stride
    z = torch.randn(batch, model.config.latent_channels, 10, 14).to(model.dtype)
    return torch.rand(batch, 3, 5 * side, 7 * side), z, torch.full((batch,), 0.5)


def without_adapters(model):
    for index in range(model.config.blocks):
        block = model.adapters.of_block(index)
        block.pcm.forward = lambda hidden, *_: hidden
        block.coupler.forward = lambda hidden, *_: hidden
        block.pga.forward = lambda x, value, **_: value
    return model


@pytest.mark.parametrize("batch", [1, 2])
def test_a_step_costs_three_launches_a_block(noted, batch):
    model = model_of().eval()
    sdr, z, t = inputs_of(model, batch)
    with torch.inference_mode():
        seen, psi = model.condition(sdr), model.psi(t[:1]).expand(batch, -1, -1)
        with Launches() as steered:
            model.velocity(z, t, seen, psi)
        with Launches() as bare:
            without_adapters(model).velocity(z, t, seen, psi)
    assert noted == dict.fromkeys(("film_layer_norm", "gated_low_rank", "coupler_add"), model.config.blocks)
    assert steered.counts - bare.counts == Counter()
    assert bare.counts - steered.counts == Counter()


def test_a_training_step_in_bf16_takes_the_kernels_too(noted):
    """Frozen weights of bf16, adapters of fp32, autocast: what normalises gives fp32, what multiplies bf16."""
    model = model_of()
    for part in (model.adapters.perception, model.adapters.blocks):
        part.float()
    sdr, z, t = inputs_of(model, 2)
    with Launches(), torch.autocast("cpu", torch.bfloat16):
        velocity = model.velocity(z, t, model.condition(sdr))
    velocity.float().square().mean().backward()
    assert noted == dict.fromkeys(("film_layer_norm", "gated_low_rank", "coupler_add"), model.config.blocks)
    coupler = model.adapters.of_block(0).coupler
    assert coupler is not None
    gradient = coupler.physical_out.weight.grad
    assert gradient is not None
    assert gradient.dtype == torch.float32


def test_asking_whether_a_kernel_can_is_cheap(noted, monkeypatch):
    """The device and the packages are asked once, not at every launch."""
    asked = Counter()
    monkeypatch.setattr(launch, "find_spec", lambda name: asked.update([name]) or name)
    launch._has_bindings.cache_clear()
    model = model_of().eval()
    sdr, z, t = inputs_of(model, 1)
    with torch.inference_mode(), Launches():
        model.velocity(z, t, model.condition(sdr))
    launch._has_bindings.cache_clear()
    assert asked == {"cuda": 1, "cuda.bindings": 1}
