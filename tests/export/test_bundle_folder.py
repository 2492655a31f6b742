"""`--out`: what a build may replace, and that nothing else is ever removed; locks, leftovers, names."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from build_requests import request
from lumaflux.export.build import build_engine
from lumaflux.export.bundle_folder import bundle_folder, publish, working_folder

from lumaflux import __version__
from lumaflux.backends.bundle import MANIFEST, PARTS, Manifest, PartRecord, sha256
from lumaflux.errors import UserError


def write_bundle(folder: Path, version: str = __version__) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    records = {}
    for part in PARTS:
        (folder / f"{part}.onnx").write_bytes(part.encode())
        records[part] = PartRecord(
            onnx=f"{part}.onnx",
            sha256=sha256(folder / f"{part}.onnx"),
            bytes=len(part),
            precision="fp32",
            agreement={},
            agreement_by="nobody",
            build_seconds=0,
        )
    (folder / "host.safetensors").write_bytes(b"host")
    manifest = Manifest(
        version=version,
        model="tiny",
        config={},
        model_sha256="a",
        adapters_sha256="b",
        backend="ort",
        precision="fp32",
        target="cpu",
        sizes=(),
        tools={},
        parts=records,
        host="host.safetensors",
        host_sha256=sha256(folder / "host.safetensors"),
        executed_on_device=True,
        note="",
        machine="",
        build_seconds=0,
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    return manifest


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def web_app(folder):
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps({"name": "my web app", "icons": []}))
    (folder / "thesis.tex").write_text("of a year")


def bundle_and_notes(folder):
    write_bundle(folder)
    (folder / "notes.txt").write_text("measured on Monday")


def bundle_and_folder(folder):
    write_bundle(folder)
    (folder / "renders").mkdir()
    (folder / "renders" / "0001.exr").write_bytes(b"exr")


def bundle_of_another_format(folder):
    write_bundle(folder)
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, "format": 99}))


def damaged_manifest(folder):
    folder.mkdir()
    (folder / MANIFEST).write_bytes(b"\xff\xfe{")
    (folder / "data").write_text("x")


def manifest_is_a_folder(folder):
    (folder / MANIFEST).mkdir(parents=True)
    (folder / MANIFEST / "data").write_text("x")


def pictures(folder):
    folder.mkdir()
    (folder / "frame.png").write_bytes(b"png")


def file(folder):
    folder.write_text("a file")


def link_to_bundle(folder):
    write_bundle(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


def broken_link(folder):
    folder.symlink_to("nowhere")


def foreign_working_folder(folder):
    folder.with_name(f".{folder.name}.building").mkdir()
    (folder.with_name(f".{folder.name}.building") / "letter.txt").write_text("dear")


def linked_file_in_bundle(folder):
    write_bundle(folder)
    (folder.parent / "weights").write_text("of somebody")
    (folder / "decode.onnx").unlink()
    (folder / "decode.onnx").symlink_to("../weights")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (web_app, "not known to be an engine bundle"),
        (bundle_and_notes, r"notes\.txt"),
        (bundle_and_folder, "renders"),
        (bundle_of_another_format, "bundle format 99"),
        (damaged_manifest, "not known to be"),
        (manifest_is_a_folder, "not known to be"),
        (pictures, "is no engine bundle"),
        (file, "is a file"),
        (link_to_bundle, "symbolic link"),
        (broken_link, "symbolic link"),
        (foreign_working_folder, "is in the way"),
        (linked_file_in_bundle, r"decode\.onnx"),
    ],
)
def test_what_no_build_made_is_refused_before_any_work_and_stays(tmp_path, monkeypatch, prepare, words):
    from lumaflux.export import build as building

    monkeypatch.setattr(building, "load_network", lambda *a, **k: pytest.fail("work began"))
    target = tmp_path / "mine"
    prepare(target)
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match=words):
        build_engine(request(target, model="tiny", sizes=((64, 64),) * 3), lambda line: None)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", [".", "", "..", "/", "../..", "../here/.", "/tmp/..", "~"])
def test_directories_that_hold_this_one_are_refused(tmp_path, monkeypatch, name):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    with pytest.raises(UserError, match="cannot become a bundle"):
        bundle_folder(Path(name).expanduser())


def test_an_old_bundle_an_empty_and_a_new_directory_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "old", version="0.0.1")
    (tmp_path / "empty").mkdir()
    for name in ("old", "empty", "new", "deep/new"):
        assert bundle_folder(Path(name)) == tmp_path / name
    assert bundle_folder(Path("empty/../new")) == tmp_path / "new"


def test_a_bundle_is_replaced_by_the_new_one_and_nothing_is_left_beside_it(tmp_path):
    out = tmp_path / "bundle"
    write_bundle(out, version="0.0.1")
    with working_folder(out, "a") as work:
        manifest = write_bundle(work)
        (work / "scratch.onnx").write_bytes(b"scratch")
        publish(manifest, work, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]
    assert {path.name for path in out.iterdir()} == {MANIFEST, "host.safetensors", *(f"{p}.onnx" for p in PARTS)}
    assert json.loads((out / MANIFEST).read_text())["version"] == __version__


def test_what_appears_in_the_target_during_a_build_is_not_lost(tmp_path):
    out = tmp_path / "bundle"
    write_bundle(out, version="0.0.1")
    with working_folder(out, "a") as work:
        manifest = write_bundle(work)
        (out / "notes.txt").write_text("meanwhile")
        with pytest.raises(UserError, match=r"notes\.txt"):
            publish(manifest, work, out)
    assert (out / "notes.txt").read_text() == "meanwhile"
    assert (work / MANIFEST).is_file()


def test_one_target_has_one_builder(tmp_path):
    out = tmp_path / "bundle"
    with working_folder(out, "a"):
        with pytest.raises(UserError, match="being built by another"), working_folder(out, "a"):
            pass
        with working_folder(tmp_path / "other", "a"):
            pass
    with working_folder(out, "a"):
        pass


def test_another_request_begins_anew_and_the_same_one_goes_on(tmp_path):
    out = tmp_path / "bundle"
    for stated, kept in (("a", False), ("a", True), ("b", False)):
        with working_folder(out, stated) as work:
            assert (work / "velocity.onnx").exists() == kept
            (work / "velocity.onnx").write_bytes(b"graph")


def stated(frames=(), **changes):
    from lumaflux.export.build import _stated

    usual = {"precision": "fp8", "sizes": ((64, 64),) * 3, "out": Path("bundle")}
    return _stated(request(**{**usual, **changes}), list(frames))


def test_what_a_build_goes_on_with_is_of_the_same_frames_sizes_and_weights(tmp_path):
    dark, bright = (torch.full((3, 16, 16), level) for level in (0.1, 0.9))
    whole = stated([dark, bright])
    assert stated([dark.clone(), bright.clone()], calibration=tmp_path / "moved") == whole
    (tmp_path / "backbone").mkdir()
    (tmp_path / "backbone" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "adapters.safetensors").write_bytes(b"others")
    others = [
        stated([bright, dark]),
        stated([dark]),
        stated([]),
        stated([dark, bright + 1e-6]),
        stated([dark, bright], sizes=((64, 64), (64, 64), (128, 128))),
        stated([dark, bright], target="sm_89", backend="rtx"),
        stated([dark, bright], adapters=tmp_path / "adapters.safetensors"),
        stated([dark, bright], backbone=tmp_path / "backbone"),
    ]
    assert len({whole, *others}) == 9
    assert stated([dark], precision="fp16") == stated([bright], precision="fp16")  # which no frame calibrates


def test_a_bundle_set_aside_by_a_killed_build_comes_back(tmp_path):
    out = tmp_path / "bundle"
    write_bundle(tmp_path / ".bundle.replaced")
    with working_folder(out, "a"):
        assert (out / MANIFEST).is_file()
    assert not (tmp_path / ".bundle.replaced").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_said(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be made"), working_folder(closed / "bundle", "a"):
        pass


def test_a_parent_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be"), working_folder(bundle_folder(tmp_path / "file" / "b"), "a"):
        pass
    shutil.rmtree(tmp_path)
