"""torch.compile and CUDA graphs: the eager numbers, few graphs, and a sentence where they cannot be."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_klein import SMALL

import lumaflux
from lumaflux.backends import compiled
from lumaflux.backends.compiled import check_compiler, compile_blocks
from lumaflux.backends.cuda_graphs import record_velocity
from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference import load as loading
from lumaflux.inference.converter import Converter
from lumaflux.inference.weights import rendering_identity
from lumaflux.model.build import build
from lumaflux.model.lumaflux import steered
from lumaflux.model.presets import TINY, TINY_FLUX
from lumaflux.options import ModelOptions
from lumaflux.settings import Settings

WHOLE = Settings(steps=3, detail=0.0)


def frame(height=48, width=64, seed=0):
    return np.random.default_rng(seed).random((3, height, width), dtype=np.float32)


def converter(config):
    model = build(config, seed=0)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return Converter(TorchBackend(model, device="cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("config", [TINY_FLUX, SMALL], ids=["flux", "klein"])
def test_all_blocks_of_a_kind_share_a_graph(config):
    """The first single-stream block takes its tokens in another layout than those after it, and has its own."""
    shape = {**config.transformer, "num_layers": 2, "num_single_layers": 4}
    made = converter(replace(config, transformer=shape))
    eager, graphs = made.render(frame(), WHOLE), []

    def counting(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compile_blocks(made.backend.network, backend=counting)
    np.testing.assert_allclose(made.render(frame(), WHOLE), eager, atol=1e-4)
    assert len(graphs) == 3


@pytest.mark.slow
def test_compiled_by_a_compiler():
    if not shutil.which("g++"):
        pytest.skip("g++ is not there")
    made = converter(replace(TINY, transformer={**TINY.transformer, "num_single_layers": 1}))
    eager = made.render(frame(), WHOLE)
    torch._dynamo.reset()
    compile_blocks(made.backend.network)
    np.testing.assert_allclose(made.render(frame(), WHOLE), eager, atol=1e-3)


def test_recorded_velocities_are_those_of_now():
    """A stand-in for the card's graph evaluates the recorded work again, at the recorded places."""
    made, works = converter(TINY_FLUX), []
    eager = [made.render(frame(*size, seed), WHOLE) for size, seed in (((48, 64), 0), ((48, 64), 1), ((64, 64), 2))]

    def capture(work):
        result = torch.zeros_like(work())
        works.append(work)
        return lambda: result.copy_(work()), result

    record_velocity(made.backend.network, capture)
    for (size, seed), expected in zip((((48, 64), 0), ((48, 64), 1), ((64, 64), 2)), eager, strict=True):
        np.testing.assert_array_equal(made.render(frame(*size, seed), WHOLE), expected)
    assert len(works) == 2
    with pytest.raises(UserError, match="leave --block-reuse or --cuda-graphs out"):
        made.render(frame(), Settings(steps=3, detail=0.0, block_reuse=0.1))


def test_what_cannot_be_is_said(monkeypatch):
    with pytest.raises(UserError, match="need a CUDA device, and cpu is none"):
        lumaflux.load("tiny-flux", device="cpu", cuda_graphs=True)
    with pytest.raises(UserError, match="not for an engine"):
        lumaflux.load("tiny-flux", engine="somewhere", compile=True)
    with pytest.raises(UserError, match="mps is neither"):
        check_compiler(torch.device("mps"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="which CXX names"):
        check_compiler(torch.device("cpu"))
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"install g\+\+"):
        lumaflux.load("tiny-flux", device="cpu", compile=True)
    monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs Triton"):
        check_compiler(torch.device("cuda:0"))


def test_the_option_compiles_and_names_it(monkeypatch):
    monkeypatch.setattr(loading, "engine_for", lambda *given: pytest.fail("an engine was looked for"))
    options = ModelOptions(model="tiny-flux", device="cpu", compile=True)
    assert loading.load_chosen(options).backend.network.evaluated is not steered
    assert rendering_identity(options).endswith(":compile")
