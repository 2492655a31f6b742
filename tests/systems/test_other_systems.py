"""Windows and macOS, as far as Linux can show it: the engine without the modules and names that they do not have.

Nothing was executed on those systems; docs/guide/systems.md says so.
"""

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UNIX = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"}


def run(system, *arguments, folder):
    command = [sys.executable, HERE / "hidden_system.py", system, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_no_module_needs_what_unix_alone_has():
    """Such a module is imported where it is used, or in a try statement."""
    for path in sorted((ROOT / "engine/lumaflux").rglob("*.py")):
        text = path.read_text()
        if not any(name in text for name in UNIX):
            continue
        for node in ast.parse(text).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not UNIX & set(names), path


def test_commands_locks_and_files_without_unix(tmp_path):
    assert run("windows", HERE / "checks.py", tmp_path, folder=tmp_path).endswith("all\n")


@pytest.mark.slow
@pytest.mark.parametrize("system", ["windows", "macos"])
def test_the_worker_serves(system):
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:  # a socket's path is short
        arguments = (HERE / "worker_checks.py", HERE / "hidden_system.py", folder, system)
        assert run(system, *arguments, folder=folder).endswith("all\n")


@pytest.mark.slow
@pytest.mark.parametrize("system", ["windows", "macos"])
def test_every_room_and_a_conversion(tmp_path, system):
    checked = tmp_path / "checked"
    checked.mkdir()
    assert run(system, HERE / "checks.py", checked, "modules", folder=tmp_path).endswith("all\n")
    clip = ROOT / "examples/rooftop-sdr.mp4"
    assert "640x360" in run(system, "info", clip, folder=tmp_path)
    if system == "macos":  # which has nearly all that Linux has
        return
    words = ("--limit", 2, "--progress", "none", "--encoder-preset", "ultrafast")
    run(system, "convert", clip, "hdr.mp4", *words, folder=tmp_path)
    with av.open(str(tmp_path / "hdr.mp4")) as made:
        frames = list(made.decode(video=0))
    assert len(frames) == 2
    assert (frames[0].format.name, frames[0].color_trc) == ("yuv420p10le", 16)  # H.273: PQ
