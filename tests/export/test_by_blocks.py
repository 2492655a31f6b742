"""A velocity by blocks: its parts, when it is taken, and that it is the whole velocity, for FLUX.1 and FLUX.2 klein."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from build_requests import request
from lumaflux.export import targets
from lumaflux.export.block_parts import block_parts
from lumaflux.export.engines.compile import profile_of
from lumaflux.export.parts import parts_of
from lumaflux.export.trace import trace
from lumaflux.export.verify import verify_parts

from lumaflux.backends.by_blocks import FIRST, LAST, in_order, velocity_parts
from lumaflux.backends.engine_network import EngineNetwork, HostParts
from lumaflux.backends.onnxruntime import run_session, session
from lumaflux.model.build import build
from lumaflux.model.presets import FLUX2_KLEIN, FLUX_DEV, TINY, TINY_FLUX

KLEIN = replace(
    TINY_FLUX,
    name="klein",
    transformer={
        **FLUX2_KLEIN.transformer,
        **{key: TINY_FLUX.transformer[key] for key in ("in_channels", "num_layers", "num_single_layers")},
        **{
            key: TINY_FLUX.transformer[key]
            for key in ("attention_head_dim", "num_attention_heads", "joint_attention_dim")
        },
        "axes_dims_rope": [4, 4, 4, 4],
    },
    vae={**FLUX2_KLEIN.vae, **{key: TINY_FLUX.vae[key] for key in FLUX2_KLEIN.vae if key != "architecture"}},
)


def stirred(config):
    """A model whose adapters do something."""
    model, generator = build(config, seed=3).eval(), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture(scope="module", params=[TINY_FLUX, KLEIN], ids=["FLUX.1", "FLUX.2 klein"])
def model(request):
    return stirred(request.param)


def whole_velocity(model):
    part = next(part for part in parts_of(model, (128, 96)) if part.name == "velocity")
    with torch.no_grad():
        return part.inputs, part.module(*part.inputs.values())


def test_blocks_in_order_are_the_whole_velocity_bit_for_bit(model):
    inputs, expected = whole_velocity(model)
    parts = {part.name: part for part in block_parts(model, inputs)}
    assert tuple(parts) == velocity_parts(model.config) == (FIRST, "velocity-00", "velocity-01", "velocity-02", LAST)

    def run(name, given):
        part = parts[name]
        assert list(given) == list(part.inputs)
        assert {key: value.shape for key, value in given.items()} == {k: v.shape for k, v in part.inputs.items()}
        with torch.no_grad():
            made = part.module(*given.values())
        return dict(zip(part.outputs, made if isinstance(made, tuple) else (made,), strict=True))

    assert torch.equal(in_order(run, model.config)("velocity", inputs)["velocity"], expected)


def test_a_part_holds_the_weights_of_its_block_alone(model):
    inputs, _ = whole_velocity(model)
    held = [{id(weight) for weight in part.module.parameters()} for part in block_parts(model, inputs)]
    assert sum(map(len, held)) == len(set.union(*held))
    everything = {id(weight) for weight in model.transformer.parameters()}
    assert everything <= set.union(*held)


def test_every_part_has_a_compilers_shapes(model):
    inputs, _ = whole_velocity(model)
    for part in block_parts(model, inputs):
        profile = profile_of(part.name, model.config, ((96, 128),) * 3)
        moving = {name for name, axes in part.dynamic.items() if axes}
        assert set(profile) == moving
        assert {name: profile[name][1] for name in moving} == {name: tuple(part.inputs[name].shape) for name in moving}


def asked(out, **changes):
    return request(out, **{"model": "flux-dev", "precision": "fp16", "sizes": ((64, 64),) * 3, **changes})


def test_large_weights_are_taken_by_blocks_and_need_half_the_memory(tmp_path, monkeypatch):
    whole = 4 * 12_000_000_000
    monkeypatch.setattr(targets, "weight_bytes", lambda config: whole if config is FLUX_DEV else 1 << 20)
    assert targets.by_blocks(asked(tmp_path))
    assert not targets.by_blocks(asked(tmp_path, model="tiny"))
    assert targets.by_blocks(asked(tmp_path, model="tiny", by_blocks=True))
    assert 0 < targets.largest_part(TINY) < 1 << 30
    blocks, one = (targets.estimate(asked(tmp_path, by_blocks=by))[0] for by in (True, False))
    largest = targets.largest_part(FLUX_DEV)
    assert largest == pytest.approx(2.3e9, rel=0.2)  # the tower with the adapters
    assert blocks == whole + targets.TRACED * largest + (1 << 30)
    assert blocks < 0.6 * one


@pytest.mark.slow
def test_a_trace_by_blocks_grows_by_its_largest_block_alone(tmp_path):
    script = Path(__file__).with_name("traced_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(done.stdout)
    assert found["largest"] > 80e6
    assert found["growth"] < targets.TRACED * found["largest"] < 2.2 * found["weights"]  # one graph's would be 3 times


@pytest.mark.slow
def test_onnxruntime_evaluates_kleins_blocks_as_torch_does(tmp_path):
    """FLUX.1's are in a bundle of test_build.py."""
    model = stirred(KLEIN)
    graphs = trace(model, tmp_path, by_blocks=True)
    found = verify_parts(model, graphs, (128, 96))
    assert found[LAST]["velocity"].max_abs < 1e-4
    opened = {name: session(path) for name, path in graphs.items()}
    host = HostParts(model.config)
    host.load_state_dict({k: v for k, v in model.adapters.state_dict().items() if k.split(".")[0] in dir(host)})
    network = EngineNetwork(
        model.config,
        host.eval(),
        in_order(lambda part, inputs: run_session(opened[part], inputs), model.config),
    )
    sdr, t = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)), torch.tensor([0.5])
    with torch.no_grad():
        z = model.encode(sdr)
        torch.testing.assert_close(network.encode(sdr), z, atol=1e-4, rtol=1e-4)
        expected = model.velocity(z, t, model.condition(sdr))
        torch.testing.assert_close(network.velocity(z, t, network.condition(sdr)), expected, atol=2e-4, rtol=1e-3)
        torch.testing.assert_close(network.decode_latents(z), model.decode_latents(z), atol=1e-4, rtol=0)
