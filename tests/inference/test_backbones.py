"""Weights by name: from the store, from a path, and what is said where they are not there."""

import pytest
from safetensors.torch import save_file
from torch import ones

from lumaflux.errors import UserError
from lumaflux.inference.backbones import adapters_of, backbone_of
from lumaflux.inference.weights import weights_identity
from lumaflux.options import ModelOptions
from lumaflux.store.model_store import Record, StoredFile, write_record


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("LUMAFLUX_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("LUMAFLUX_SHARED_MODELS", raising=False)
    return tmp_path / "models"


def put(store, name, content=b"weights"):
    (store / name).mkdir(parents=True)
    (store / name / "model.safetensors").write_bytes(content)
    file = StoredFile(path="model.safetensors", size=len(content), sha256=content.hex())
    write_record(store / name, Record(model=name, repository="o/n", revision="a", licence="x", files=(file,)))
    return store / name


def test_from_the_store(store):
    folders = put(store, "flux-dev"), put(store, "siglip")
    assert backbone_of("flux-dev", None) == folders


def test_what_is_not_there_is_named(store):
    with pytest.raises(UserError, match=r"flux-dev: .*models get flux-dev.*--backbone"):
        backbone_of("flux-dev", None)
    put(store, "flux-dev")
    with pytest.raises(UserError, match="models get siglip"):
        backbone_of("flux-dev", None)
    (store / "flux-dev" / "model.safetensors").write_bytes(b"short")
    with pytest.raises(UserError, match="models verify flux-dev"):
        backbone_of("flux-dev", None)


def test_a_path_takes_the_tower_beside_it_or_the_store(store, tmp_path):
    (tmp_path / "mine" / "siglip").mkdir(parents=True)
    assert backbone_of("flux-dev", tmp_path / "mine") == (tmp_path / "mine", None)
    (tmp_path / "mine" / "siglip").rmdir()
    assert backbone_of("flux-dev", tmp_path / "mine") == (tmp_path / "mine", None)  # the loader says what is missing
    assert backbone_of("flux-dev", tmp_path / "mine")[1] is None
    tower = put(store, "siglip")
    assert backbone_of("flux-dev", tmp_path / "mine") == (tmp_path / "mine", tower)


def test_adapters_by_name(store, tmp_path):
    folder = put(store, "lumaflux-main")
    assert adapters_of(folder.relative_to(store)) == folder / "model.safetensors"
    assert adapters_of(tmp_path / "mine.safetensors") == tmp_path / "mine.safetensors"


def test_the_identity_takes_recorded_digests_and_a_file_s_own(store, tmp_path):
    put(store, "siglip")
    folder = put(store, "flux-dev")
    first = weights_identity(ModelOptions(model="flux-dev"))
    (folder / "model.safetensors").write_bytes(b"strange")  # of the same size: `models verify` says so, and reads
    assert weights_identity(ModelOptions(model="flux-dev")) == first
    write_record(folder, Record(model="flux-dev", repository="o/n", revision="b", licence="x", files=()))
    assert weights_identity(ModelOptions(model="flux-dev")) != first
    single = tmp_path / "flux1-dev.safetensors"
    save_file({"x": ones(2)}, single)
    before = weights_identity(ModelOptions(model="flux-dev", backbone=single))
    save_file({"x": ones(3)}, single)
    assert weights_identity(ModelOptions(model="flux-dev", backbone=single)) != before
