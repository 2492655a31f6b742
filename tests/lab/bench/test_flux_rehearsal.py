"""The rehearsal, small: random weights of a release's layout, by a memory plan, through load, frame and farm."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lumaflux.errors import UserError
from lumaflux.inference import memory_plan
from lumaflux.inference.backbones import base_of, warn_of_another_base
from lumaflux.lab.bench.flux_rehearsal import few_blocks, rehearse, write_release
from lumaflux.model.build import build
from lumaflux.model.checkpoint import load_adapters, read_tensors, save_adapters, save_published_adapters
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.store.model_store import Record, write_record


@pytest.mark.slow
def test_load_plan_convert_and_farm(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory_plan, "_SMALLER", (1.0,))
    monkeypatch.setattr(memory_plan, "_TILES", (512,))
    few = replace(TINY_FLUX, name="small", working_pixels=48 * 64)
    whole = replace(few, transformer={**few.transformer, "num_layers": 2, "num_single_layers": 4})
    found = rehearse(tmp_path, few, whole, vram="2", size=(64, 48))
    assert "expected peak" in capsys.readouterr().err
    assert found["whole_over_few_operations_calculated"] == pytest.approx(2, abs=0.01)
    assert found["written_bytes"] > 0
    assert found["identity"].endswith("vram-2")


def test_blocks_by_number():
    few = few_blocks(FLUX_DEV, "2+3")
    assert (few.blocks, few.width) == (5, 3072)
    for wrong in ("2", "0+1", "a+b"):
        with pytest.raises(UserError, match="--blocks"):
            few_blocks(FLUX_DEV, wrong)


def test_published_adapters_of_another_rank_and_without_parts(tmp_path):
    made = build(replace(TINY_FLUX, rank=3).with_variant("pga-pcm"), seed=1)
    made.config = replace(made.config, rank=3)
    save_published_adapters(made, tmp_path / "published.safetensors")
    other = build(TINY_FLUX, seed=2)
    load_adapters(other, tmp_path / "published.safetensors")
    assert (other.config.rank, other.config.variant.pcm, other.config.variant.coupler) == (3, True, False)
    for key, value in made.adapters.state_dict().items():
        assert torch.equal(other.adapters.state_dict()[key], value), key


def test_adapters_name_the_revision_that_they_were_trained_on(tmp_path, caplog):
    record = Record(model="flux-dev", repository="o/n", revision="abc", licence="Some", files=())
    write_record(tmp_path, record)
    base = base_of(tmp_path, "flux-dev")
    save_adapters(build(TINY_FLUX), tmp_path / "own.safetensors", base_model="flux-dev", base=base)
    _, metadata = read_tensors(tmp_path / "own.safetensors")
    assert (
        {key: metadata[f"base_{key}"] for key in base}
        == base
        == {
            "repository": "o/n",
            "revision": "abc",
            "licence": "Some",
        }
    )
    warn_of_another_base(metadata, tmp_path, "flux-dev")
    assert not caplog.text
    write_record(tmp_path, replace(record, revision="def"))
    warn_of_another_base(metadata, tmp_path, "flux-dev")
    assert "trained on revision abc" in caplog.text
    save_file({"x": torch.ones(1)}, tmp_path / "other.safetensors")
    assert base_of(tmp_path / "nowhere", "flux-dev") == {}


@pytest.mark.slow
def test_the_commands_convert_and_render_for_a_farm(tmp_path, monkeypatch):
    from PIL import Image

    from lumaflux.cli import app

    monkeypatch.setattr(memory_plan, "_SMALLER", (1.0,))
    monkeypatch.setattr(memory_plan, "_TILES", (512,))
    write_release(replace(TINY_FLUX, name="small", working_pixels=48 * 64), tmp_path / "release")
    (tmp_path / "shot").mkdir()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures, 1):
        Image.fromarray(picture).save(tmp_path / "shot" / f"a.{number:04d}.png")
    source, model = str(tmp_path / "shot" / "a.%04d.png"), ["--model", str(tmp_path / "release"), "--vram", "2"]
    model += ["--precision", "bf16", "--track", "none"]
    app(["convert", source, str(tmp_path / "hdr" / "a.%04d.png"), *model], result_action="return_value")
    app(["farm", "frames", source, str(tmp_path / "farm"), *model], result_action="return_value")
    made = sorted(path for folder in ("hdr", "farm") for path in (tmp_path / folder).glob("*.png"))
    assert len(made) == 4
    frames = [np.asarray(Image.open(path)) for path in made]
    assert all(np.array_equal(a, b) for a, b in zip(frames[:2], frames[2:], strict=True))
    assert frames[0].std() > 0
