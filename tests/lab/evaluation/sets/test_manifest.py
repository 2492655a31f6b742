import json

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.sets.manifest import Clip, Manifest, damaged_files, read_manifest, sha256, write_manifest


@pytest.fixture
def small_set(tmp_path):
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "r.png").write_bytes(b"reference")
    clip = Clip(
        name="a/reinhard",
        sequence="a",
        scene="a",
        split="test",
        content="pgc",
        rendering="reinhard",
        crf=None,
        frame_rate=None,
        licence="CC0",
        sdr="a.png",
        references=("r.png",),
    )
    files = {name: sha256(tmp_path / name) for name in ("a.png", "r.png")}
    manifest = Manifest(name="small", specification={}, clips=(clip,), files=files)
    write_manifest(tmp_path, manifest)
    return tmp_path, manifest


def test_round_trip(small_set):
    folder, manifest = small_set
    assert read_manifest(folder) == manifest
    assert damaged_files(folder, manifest) == []


def test_damage_is_named(small_set):
    folder, manifest = small_set
    (folder / "a.png").write_bytes(b"changed")
    (folder / "r.png").unlink()
    assert damaged_files(folder, manifest) == ["a.png", "r.png"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.png", "a/../../x", "", "..\\x"])
def test_paths_stay_inside(small_set, path):
    folder, manifest = small_set
    content = manifest.model_dump(mode="json")
    content["clips"][0]["sdr"] = path
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="not a sound manifest"):
        read_manifest(folder)


def test_a_scene_has_one_split(small_set):
    _, manifest = small_set
    other = manifest.clips[0].model_copy(update={"name": "b/reinhard", "split": "train"})
    with pytest.raises(ValueError, match="is in the splits test and train"):
        Manifest(name="x", specification={}, clips=(*manifest.clips, other), files=manifest.files)


def test_missing_set(tmp_path):
    with pytest.raises(UserError, match="luma-eval build"):
        read_manifest(tmp_path)
