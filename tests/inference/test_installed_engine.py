"""Which engine renders when none is named: the installed one of the CPU, if it is whole and of these weights."""

import subprocess
import sys
from pathlib import Path

import pytest

from lumaflux.errors import UserError
from lumaflux.inference.installed_engine import engine_for, installed_folder
from lumaflux.inference.weights import weight_digests


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where lite's engine would be installed; nothing is there yet."""
    monkeypatch.setenv("LUMAFLUX_ENGINES", str(tmp_path))
    return installed_folder(*weight_digests("lite"))


def test_the_folder_follows_the_user_s_settings(tmp_path, monkeypatch):
    monkeypatch.delenv("LUMAFLUX_ENGINES")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert installed_folder("a" * 64, "b" * 64) == tmp_path / "lumaflux/engines/cpu-fp32-aaaaaaaa-bbbbbbbb"


def test_without_one_torch_renders(folder):
    assert engine_for(None, "lite", device="cpu") is None


def test_one_that_is_named_must_be_a_bundle(tmp_path):
    with pytest.raises(UserError, match="not an engine bundle"):
        engine_for(tmp_path, "lite")


def test_none_is_torch(folder):
    assert engine_for(Path("none"), "lite") is None


@pytest.mark.parametrize("manifest", [None, "{}", "{"])
def test_a_damaged_one_is_left_out_with_a_warning(folder, caplog, manifest):
    folder.mkdir()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    assert engine_for(None, "lite", device="cpu") is None
    assert "torch renders" in caplog.text


def test_asking_for_one_imports_no_torch(folder):
    script = (
        "import sys; from lumaflux.inference.installed_engine import with_engine; from lumaflux.options import "
        "ModelOptions; print(with_engine(ModelOptions()).engine, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["none", "False"]
