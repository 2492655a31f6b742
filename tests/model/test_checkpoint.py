import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lumaflux.errors import UserError
from lumaflux.model.build import build, build_for_weights
from lumaflux.model.checkpoint import (
    convert_adapters,
    load_adapters,
    load_model,
    read_tensors,
    save_adapters,
    save_model,
    save_published_adapters,
    write_tensors,
)
from lumaflux.model.config import config_from_json
from lumaflux.model.presets import TINY_FLUX

RELEASED = Path(__file__).parent / "released_format"


def test_own_format_and_back(tmp_path):
    model = build(TINY_FLUX, seed=4)
    save_model(model, tmp_path, base_model="random", training={"steps": 0}, dtype=torch.float32)
    again = load_model(tmp_path)
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    _, metadata = read_tensors(tmp_path / "adapters.safetensors")
    assert metadata["format"] == "lumaflux-adapters"
    assert json.loads(metadata["training"]) == {"steps": 0}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_nothing_is_drawn_for_weights_that_are_loaded(monkeypatch):
    drawn, draw = [], torch.Tensor.uniform_
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda *given, **how: drawn.append(given) or draw(*given, **how))
    before = torch.random.get_rng_state()
    loading = build_for_weights(TINY_FLUX)
    few = len(drawn)  # by transformers itself; in lite none
    whole = build(TINY_FLUX)
    assert 5 * few < len(drawn) - few
    assert torch.equal(torch.random.get_rng_state(), before)
    assert {key: value.shape for key, value in loading.state_dict().items()} == {
        key: value.shape for key, value in whole.state_dict().items()
    }
    assert all(torch.equal(one, dict(whole.named_buffers())[name]) for name, one in loading.named_buffers())


def test_published_to_own_to_published(tmp_path):
    model = load_model(RELEASED)
    save_adapters(model, tmp_path / "own.safetensors", base_model="released-format")
    other = build(model.config, seed=9)
    load_adapters(other, tmp_path / "own.safetensors")
    save_published_adapters(other, tmp_path / "published.safetensors")
    original, copy = (
        load_file(RELEASED / "adapters.safetensors"),
        load_file(tmp_path / "published.safetensors"),
    )
    assert original.keys() == copy.keys()
    assert all(torch.equal(original[key], copy[key]) for key in original)


@pytest.fixture
def directory(tmp_path):
    save_model(build(TINY_FLUX, seed=4), tmp_path / "model", base_model="random")
    return tmp_path / "model"


def corrupt_truncated(directory):
    path = directory / "backbone.safetensors"
    path.write_bytes(path.read_bytes()[:2000])


def corrupt_random(directory):
    (directory / "adapters.safetensors").write_bytes(b"\x00\xff" * 300)


def corrupt_shape(directory):
    path = directory / "adapters.safetensors"
    tensors, metadata = read_tensors(path)
    tensors["tone.chroma.bias"] = torch.zeros(3)
    save_file(tensors, path, metadata)


def corrupt_nan(directory):
    path = directory / "adapters.safetensors"
    tensors, metadata = read_tensors(path)
    tensors["tone.chroma.bias"][0] = torch.nan
    save_file(tensors, path, metadata)


def corrupt_missing_key(directory):
    path = directory / "adapters.safetensors"
    tensors, metadata = read_tensors(path)
    del tensors["tone.chroma.bias"]
    save_file(tensors, path, metadata)


def corrupt_missing_file(directory):
    (directory / "adapters.safetensors").unlink()


def corrupt_config(directory):
    (directory / "config.json").write_text("{")


def corrupt_no_config(directory):
    (directory / "config.json").unlink()


def corrupt_pickle(directory):
    shutil.move(directory / "adapters.safetensors", directory / "adapters.bin")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (corrupt_truncated, "safetensors"),
        (corrupt_random, "safetensors"),
        (corrupt_shape, "shape"),
        (corrupt_nan, "NaN"),
        (corrupt_missing_key, "lacks 1 weights"),
        (corrupt_missing_file, "missing"),
        (corrupt_config, "JSON"),
        (corrupt_no_config, "config.json is missing"),
        (corrupt_pickle, "missing"),
    ],
)
def test_damaged_models_are_refused_with_one_sentence(directory, damage, message):
    damage(directory)
    with pytest.raises(UserError, match=message):
        load_model(directory)


def test_the_adapters_command_converts_both_ways(tmp_path):
    convert_adapters(RELEASED / "adapters.safetensors", tmp_path / "own.safetensors", str(RELEASED))
    _, metadata = read_tensors(tmp_path / "own.safetensors")
    assert metadata["format"] == "lumaflux-adapters"
    convert_adapters(tmp_path / "own.safetensors", tmp_path / "published.safetensors", str(RELEASED))
    original, copy = load_file(RELEASED / "adapters.safetensors"), load_file(tmp_path / "published.safetensors")
    assert all(torch.equal(original[key], copy[key]) for key in original)
    with pytest.raises(UserError, match=r"shape|lacks|unknown"):
        convert_adapters(RELEASED / "adapters.safetensors", tmp_path / "x.safetensors", "tiny")
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_leaves(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_tensors({"a": torch.ones(2)}, tmp_path / "a.safetensors")
        write_tensors({"a": torch.zeros(2)}, tmp_path / "a.safetensors")  # in a former one's place
    finally:
        os.umask(before)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == mode
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_earlier_names_of_the_tone_predictor_are_read(tmp_path):
    config = replace(TINY_FLUX, tone_bins=6)
    content = config.to_json()
    content["anchor_bins"] = content.pop("tone_bins")
    assert config_from_json(content) == config
    model = build(config, seed=3)
    own = model.adapters.state_dict()
    earlier = {key.replace("tone_predictor.", "anchor."): value.contiguous() for key, value in own.items()}
    assert set(earlier) != set(own)
    write_tensors(earlier, tmp_path / "adapters.safetensors")
    other = build(config, seed=4)
    load_adapters(other, tmp_path / "adapters.safetensors")
    for key, value in other.adapters.state_dict().items():
        torch.testing.assert_close(value, own[key], rtol=0, atol=0)
