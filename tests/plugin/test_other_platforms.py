"""The effect's sources compile for macOS and Windows, by the compiler that the package ziglang brings; nothing runs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugin"
POSIX = {"connection", "embedded_link", "launcher", "runtime_directory", "shared_memory", "worker_link"}
# Files that ask the system for something; the others hold plain C++ that Linux compiles.
SYSTEM = ("plugin", "bundle", "render", "engine_link")


def sources(windows):
    """Those of plugin/CMakeLists.txt that depend on the system."""
    wanted = {*SYSTEM, *(("windows_link",) if windows else POSIX)}
    return sorted(path for path in (PLUGIN / "shim").rglob("*.cpp") if path.stem in wanted)


def test_the_build_leaves_out_what_a_system_lacks():
    rules = (PLUGIN / "CMakeLists.txt").read_text()
    assert f'EXCLUDE REGEX "link/({"|".join(sorted(POSIX))})"' in rules
    assert [path.stem for path in sources(windows=True)] == [
        "bundle",
        "engine_link",
        "windows_link",
        "plugin",
        "render",
    ]
    assert len(sources(windows=False)) == len(POSIX) + len(SYSTEM)


@pytest.mark.soak
@pytest.mark.parametrize("target", ["x86_64-windows-gnu", "aarch64-macos", "x86_64-macos"])
def test_the_sources_compile(tmp_path, target):
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for other systems: pip install ziglang")
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "zig"), "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "zig-local")}
    options = ["-std=c++17", "-O0", "-c", "-Wall", "-Wextra", "-Werror", '-DLUMAFLUX_VERSION="0"']
    for source in sources("windows" in target):
        compiled = tmp_path / f"{source.stem}.o"
        command = [sys.executable, "-m", "ziglang", "c++", "-target", target, *options, source, "-o", compiled]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **cache})
        assert done.returncode == 0, done.stderr[-3000:]
        assert compiled.stat().st_size > 500
