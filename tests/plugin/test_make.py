"""`make plugin` and `make plugin-dist` in a path with a space, with a cmake that notes what it was given."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import lumaflux

ROOT = Path(__file__).parents[2]
CMAKE = """#!/bin/sh
for word in "$@"; do echo "$word" >> given; done
mkdir -p build/plugin/LumaFlux.ofx.bundle/Contents && echo 1 > build/plugin/LumaFlux.ofx.bundle/Contents/file
"""


def test_a_space_in_the_path_is_kept_together(tmp_path):
    folder = tmp_path / "my plugins"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / "native").mkdir()
    (folder / "engine" / "lumaflux").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "engine" / "lumaflux" / "version.py", folder / "engine" / "lumaflux")
    for name in ("pyproject.toml", "constraints.txt", "CMakeLists.txt", "native/bindings.cpp", ".venv/.installed"):
        (folder / name).touch()
    (folder / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / ".venv" / "bin" / "cmake").write_text(CMAKE)
    for name in ("python", "cmake"):
        (folder / ".venv" / "bin" / name).chmod(0o755)
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "plugin-dist"], cwd=folder, capture_output=True, text=True, timeout=60, env=quiet, check=False
    )
    assert done.returncode == 0, done.stderr
    given = (folder / "given").read_text().splitlines()
    assert f"-DCMAKE_MAKE_PROGRAM={folder}/.venv/bin/ninja" in given
    assert f"-DPython_EXECUTABLE={folder}/.venv/bin/python" in given
    assert f"-DLUMAFLUX_BUNDLES={folder}/build/plugin" in given
    with tarfile.open(folder / "build" / f"LumaFlux-{lumaflux.__version__}-Linux-x86-64.tar.gz") as packed:
        member = packed.getmember("LumaFlux.ofx.bundle/Contents/file")
    assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
