"""`build-engine` end to end with the tiny model: its bundle converts, is refused where it must be, and is resumed."""

import json
import shutil

import pytest
import torch
from build_requests import request
from lumaflux.export import build as building
from lumaflux.export.build import build_engine, example_frame
from PIL import Image

from lumaflux.backends.bundle import MANIFEST, read_manifest
from lumaflux.backends.by_blocks import LAST, is_block
from lumaflux.backends.engine_network import EngineNetwork
from lumaflux.errors import UserError
from lumaflux.inference.installed_engine import engine_for, installed_folder
from lumaflux.inference.load import load
from lumaflux.inference.weights import LITE, weight_digests
from lumaflux.options import ModelOptions
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import ModelError, Renderer
from lumaflux.settings import Settings

pytestmark = pytest.mark.slow
SIZES = ((64, 64), (64, 64), (128, 128))


def asked(out, **changes):
    return request(out, **{"model": "tiny-flux", "sizes": SIZES, **changes})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle whose build was interrupted between its stages and taken up again; what the second call said."""
    out = tmp_path_factory.mktemp("bundles") / "tiny-flux"
    whole = building._verified
    building._verified = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            build_engine(asked(out), lambda line: None)
    finally:
        building._verified = whole
    assert not out.exists()
    said = []
    build_engine(asked(out), said.append)
    return out, said


def interrupted(*args):
    raise KeyboardInterrupt


@pytest.fixture
def copied(bundle, tmp_path):
    return shutil.copytree(bundle[0], tmp_path / "bundle")


def changed(folder, **members):
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def test_an_interrupted_build_traces_nothing_twice(bundle):
    assert not [line for line in bundle[1] if line.startswith("trace")]
    assert [line for line in bundle[1] if line.startswith("verify")]
    assert not bundle[0].with_name(f".{bundle[0].name}.building").exists()


def test_the_manifest_says_what_was_measured(bundle):
    manifest = read_manifest(bundle[0])
    assert manifest.parts["velocity"].agreement["velocity"].max_abs <= 1e-4
    assert manifest.frame is not None
    assert manifest.frame.delta_e_itp_mean < 0.01
    assert manifest.executed_on_device
    names = {MANIFEST, manifest.host, *(part.onnx for part in manifest.parts.values())}
    names |= {part.data for part in manifest.parts.values() if part.data}
    assert {file.name for file in bundle[0].iterdir()} == names
    assert all("fp32" in part.onnx for part in manifest.parts.values())


def test_a_bundle_renders_what_torch_renders_at_any_size(bundle):
    torch_made, engine_made = load("tiny-flux", device="cpu"), load("tiny-flux", engine=bundle[0])
    for height, width in ((64, 64), (72, 100)):
        frame = example_frame(height, width)
        torch.testing.assert_close(engine_made.render(frame), torch_made.render(frame), atol=1e-3, rtol=0)


def test_a_bundle_takes_a_velocity_again_but_no_part_of_one(bundle):
    torch_made, engine_made = load("tiny-flux", device="cpu"), load("tiny-flux", engine=bundle[0])
    frame, settings = example_frame(64, 64), Settings(steps=4, step_reuse=1.0, detail=0.0)
    calls, real = [], engine_made.backend.network.velocity
    engine_made.backend.network.velocity = lambda *given: calls.append(1) or real(*given)
    torch.testing.assert_close(
        engine_made.render(frame, settings), torch_made.render(frame, settings), atol=1e-3, rtol=0
    )
    assert len(calls) == 3
    del engine_made.backend.network.velocity
    with pytest.raises(UserError, match="leave --block-reuse out"):
        engine_made.render(frame, Settings(steps=4, block_reuse=0.1, detail=0.0))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"version": "0.0.1"}, "was built by version 0.0.1"),
        ({"model_sha256": "of another"}, "other weights"),
        ({"adapters_sha256": "of others"}, "other adapters"),
        ({"machine": "riscv64"}, "was built for riscv64"),
        ({"target": "sm_89"}, "has the CPU alone"),
        ({"format": 99}, "bundle format 99"),
        ({"host": "../elsewhere"}, "not a file of the bundle"),
        ({"parts": 3}, "not a readable manifest"),
    ],
)
def test_strange_bundles_are_refused(copied, members, words):
    changed(copied, **members)
    with pytest.raises(UserError, match=words):
        load("tiny-flux", engine=copied)


def test_damaged_and_missing_parts_are_refused(copied, tmp_path):
    part = copied / read_manifest(copied).parts["velocity"].onnx
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match="is damaged"):
        load("tiny-flux", engine=copied)
    part.unlink()
    with pytest.raises(UserError, match="lacks velocity"):
        load("tiny-flux", engine=copied)
    with pytest.raises(UserError, match="is not an engine bundle"):
        load("tiny-flux", engine=tmp_path)


def test_the_manifest_says_who_evaluates_the_low_rank_nodes(bundle):
    manifest = read_manifest(bundle[0])
    velocity = manifest.parts["velocity"]
    assert manifest.kernel == "onnxruntime runs the node's function"
    assert (
        len(velocity.function_nodes)
        == manifest.config["transformer"]["num_layers"] + (manifest.config["transformer"]["num_single_layers"])
    )
    assert not velocity.kernel_nodes
    assert not manifest.parts["encode"].function_nodes


def test_the_files_have_the_modes_that_the_umask_leaves(bundle):
    import os

    mask = os.umask(0o022)
    os.umask(mask)
    assert {oct(file.stat().st_mode & 0o777) for file in bundle[0].iterdir()} == {oct(0o666 & ~mask)}


def test_weights_beside_the_graph(tmp_path, monkeypatch):
    """What holds 12 billion weights is built as here: a model directory of the same classes, every weight outside, one
    graph a block."""
    from lumaflux.export import quantize, storage

    from lumaflux.model.checkpoint import save_model

    monkeypatch.setattr(quantize, "_LEAST_WIDTH", 8)  # the tiny model's products are narrower than is worth it
    monkeypatch.setattr(storage, "EXTERNAL_BYTES", 1)
    save_model(
        load("tiny-flux", device="cpu").backend.network, tmp_path / "model", base_model="tiny-flux", dtype=torch.float32
    )
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    pixels = (255 * example_frame(64, 64)).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(pictures / "frame.png")
    out = tmp_path / "apart"
    monkeypatch.setattr(building, "refuse_disagreement", lambda *found: None)  # random weights owe fp8 nothing
    wanted = asked(out, model=str(tmp_path / "model"), precision="fp8", calibration=pictures, by_blocks=True)
    manifest = build_engine(wanted, lambda line: None)
    blocks = [part for name, part in manifest.parts.items() if is_block(name)]
    assert [(block.precision, block.data) for block in blocks] == [("fp8", f"{block.onnx}.data") for block in blocks]
    assert len(blocks) == 3
    assert manifest.by_blocks
    assert manifest.parts[LAST].agreement["velocity"].snr_db > 25
    assert all((out / str(part.data)).stat().st_size for part in manifest.parts.values() if part.data)
    frame = example_frame(64, 64)
    apart, whole = load(str(tmp_path / "model"), engine=out), load("tiny-flux", device="cpu")
    torch.testing.assert_close(apart.render(frame), whole.render(frame), atol=0.02, rtol=0)
    (out / str(blocks[1].data)).unlink()
    with pytest.raises(UserError, match="lacks velocity-01"):
        load(str(tmp_path / "model"), engine=out)


def test_the_worker_renders_with_the_bundle_that_the_environment_names(bundle, monkeypatch):
    monkeypatch.setenv("LUMAFLUX_ENGINE", str(bundle[0]))
    worker, frame = Renderer(), example_frame(64, 64)
    made = worker.render_frame(frame.permute(1, 2, 0).numpy().copy(), RenderParameters(model="tiny-flux")).pixels
    assert isinstance(worker.load("tiny-flux").backend.network, EngineNetwork)
    wanted = load("tiny-flux", engine=bundle[0]).render(frame).permute(1, 2, 0).numpy()
    assert abs(made - wanted).max() < 1e-4
    with pytest.raises(ModelError, match="other weights"):
        worker.load("lite")


def test_an_installed_engine_is_taken_unless_none_or_another_precision_is_named(bundle, tmp_path, monkeypatch):
    from lumaflux.cli import app

    monkeypatch.setenv("LUMAFLUX_ENGINES", str(tmp_path))
    shutil.copytree(bundle[0], folder := installed_folder(*weight_digests("tiny-flux")))
    assert engine_for(None, "tiny-flux", device="cpu") == folder
    assert engine_for(None, "tiny-flux", device="cpu", precision="bf16") is None
    assert isinstance(Renderer(ModelOptions(device="cpu")).load("tiny-flux").backend.network, EngineNetwork)
    Image.fromarray((example_frame(64, 48).permute(1, 2, 0).numpy() * 255).astype("uint8")).save(tmp_path / "a.png")
    made = {}
    for name, options in {"installed": [], "torch": ["--engine", "none"]}.items():
        command = [
            "convert",
            str(tmp_path / "a.png"),
            str(tmp_path / f"{name}.exr"),
            "--model",
            "tiny-flux",
            "--device",
            "cpu",
        ]
        app([*command, *options, "--report", str(tmp_path / f"{name}.json")], result_action="return_value")
        made[name] = json.loads((tmp_path / f"{name}.json").read_text())["model"]
    assert made["installed"].startswith(made["torch"])
    assert made["installed"] != made["torch"]


def test_adapters_of_another_backbone_are_refused_before_any_work(tmp_path):
    said = []
    with pytest.raises(UserError, match="adapters"):
        build_engine(asked(tmp_path / "out", adapters=LITE / "adapters.safetensors"), said.append)
    assert not (tmp_path / "out").exists()
    assert not any(line.startswith("trace") for line in said)


def test_only_an_engine_for_the_cpu_in_fp32_is_installed_by_itself():
    from lumaflux.export.commands import app

    with pytest.raises(UserError, match="--out"):
        app(["build-engine", "--precision", "fp16"], result_action="return_value", exit_on_error=False)
