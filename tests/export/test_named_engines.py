"""`--engine` of what is no bundle, and `trace` over files that are there: a sentence, before any work."""

import json

import pytest
from lumaflux.export.__main__ import app
from test_bundle_folder import write_bundle

from lumaflux.backends.bundle import MANIFEST, PARTS, check_bundle, read_manifest
from lumaflux.errors import UserError
from lumaflux.inference.installed_engine import engine_for


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: None, "is no directory"),
        (lambda path: path.write_text("a file"), "is no directory"),
        (lambda path: path.mkdir(), "manifest.json is missing"),
        (lambda path: (path.mkdir(), (path / MANIFEST).write_text("{}")), "not a readable manifest"),
        (lambda path: (path.mkdir(), (path / MANIFEST).write_text("[" * 10_000)), "not a readable manifest"),
        (lambda path: (path / MANIFEST).mkdir(parents=True), "not a readable manifest"),
    ],
)
def test_what_is_named_and_no_bundle(tmp_path, prepare, words):
    prepare(tmp_path / "engine")
    with pytest.raises(UserError, match=words):
        engine_for(tmp_path / "engine", "lite")


def test_torch_is_named_by_none_and_a_bundle_by_its_directory(tmp_path):
    from pathlib import Path

    write_bundle(tmp_path / "engine")
    assert engine_for(tmp_path / "engine", "lite") == tmp_path / "engine"
    assert engine_for(Path("none"), "lite") is None


@pytest.mark.parametrize("part", PARTS)
def test_a_manifest_that_lacks_a_part(tmp_path, part):
    write_bundle(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    del content["parts"][part]
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    manifest = read_manifest(tmp_path).model_copy(update={"machine": __import__("platform").machine()})
    with pytest.raises(UserError, match=f"lacks the part {part}"):
        check_bundle(tmp_path, manifest, None, None)


def test_trace_never_takes_files_of_other_weights_for_its_own(tmp_path):
    (tmp_path / "velocity-fp32.onnx").write_bytes(b"of others")
    with pytest.raises(UserError, match="is there already"):
        app(["trace", "--out", str(tmp_path), "--model", "tiny"], result_action="return_value", exit_on_error=False)
    assert [path.name for path in tmp_path.iterdir()] == ["velocity-fp32.onnx"]
