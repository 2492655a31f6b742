"""FLUX.1's bench on the CPU with a tiny model: every figure is there, in the file, in spite of what fails."""

import json

import pytest
import torch

from lumaflux.lab.bench import flux
from lumaflux.lab.bench.flux import Figures, measure
from lumaflux.model.attention import SteeredAttention

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("flux") / "flux.json"
    measure(Figures(file, 600.0, CPU), "tiny-flux", [(64, 48)], 32, 1, "eager")
    return json.loads(file.read_text())


def test_every_figure(found):
    for name in ("fused", "unfused", "bare", "fused again"):
        assert found[f"velocity {name} 64x48"] > 0
    assert found["fused over bare 64x48"] == pytest.approx(
        found["velocity fused 64x48"] / found["velocity bare 64x48"], abs=1e-3
    )
    for part in ("condition", "encode", "decode", "frame of 8 steps"):
        assert found[f"{part} 64x48"] > 0
    for stream in ("double-stream", "single-stream"):
        assert {"eager_ms", "compiled_ms", "compile_s"} <= set(found[f"block compiled, {stream}"])


def test_a_training_step_reaches_every_adapter(found):
    for micro in (1, 2, 4):
        step = found[f"training step of 32, micro-batch {micro}"]
        assert step["finite"] is True
        assert step["parameters_without_gradient"] == 0
        assert step["samples_per_second"] == pytest.approx(1e3 * micro / step["ms"], rel=0.01, abs=0.01)


def test_the_budget_and_what_fails_leave_the_rest(tmp_path):
    figures = Figures(tmp_path / "f.json", 10.0, CPU)
    figures.attempt("too long", 11, lambda: 1.0)
    figures.attempt("broken", 1, lambda: torch.ones(2) @ torch.ones(3))
    figures.attempt("good", 1, lambda: 2.5)
    written = json.loads((tmp_path / "f.json").read_text())
    assert written["too long"].startswith("left out")
    assert "RuntimeError" in written["broken"]
    assert written["good"] == 2.5
    assert figures.milliseconds("good") == 2.5
    assert figures.milliseconds("broken") is None


def test_bare_shares_the_weights_and_gives_them_back_steered():
    model = flux.random_model(flux.PRESETS["tiny-flux"], CPU)
    with flux.bare(model) as transformer:
        assert transformer._transformer is model.transformer
    processors = {type(processor) for processor in model.transformer.attn_processors.values()}
    assert processors == {SteeredAttention}
    assert model.transformer.dtype == torch.bfloat16
    assert model.vae.dtype == torch.float32
