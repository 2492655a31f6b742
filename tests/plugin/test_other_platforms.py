"""The effect is built for macOS and Windows by the compiler that the package ziglang brings; nothing runs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugin"
SYSTEMS = ("embedded_link", "runtime_directory", "shared_memory", "worker_process")


def sources(windows):
    """Those of plugin/CMakeLists.txt."""
    other = "_posix" if windows else "_windows"
    files = [*(PLUGIN / "shim").glob("*.cpp"), *(PLUGIN / "shim/link").glob("*.cpp")]
    return sorted(path for path in files if not path.stem.endswith(other))


def test_a_system_has_what_the_other_has():
    rules = (PLUGIN / "CMakeLists.txt").read_text()
    for windows, own in ((True, "_windows"), (False, "_posix")):
        assert f'EXCLUDE REGEX "{own}.cpp$"' in rules
        stems = [path.stem for path in sources(windows)]
        assert [stem for stem in stems if stem.endswith(own)] == [stem + own for stem in SYSTEMS]
        assert not any(stem.endswith("_posix" if windows else "_windows") for stem in stems)


@pytest.mark.soak
@pytest.mark.parametrize("target", ["x86_64-windows-gnu", "aarch64-macos", "x86_64-macos"])
def test_the_effect_is_built(tmp_path, target):
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for other systems: pip install ziglang")
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "zig"), "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "zig-local")}
    options = ["-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", '-DLUMAFLUX_VERSION="0"', "-fvisibility=hidden"]
    compiler = [sys.executable, "-m", "ziglang", "c++", "-target", target]

    def run(*arguments):
        command = [*compiler, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **cache})
        assert done.returncode == 0, done.stderr[-3000:]

    windows = "windows" in target
    objects = []
    for source in sources(windows):
        objects.append(tmp_path / f"{source.stem}.o")
        run(*options, "-c", source, "-o", objects[-1])
    library = tmp_path / "LumaFlux.ofx"
    run("-shared", *objects, "-o", library, *(["-lws2_32"] if windows else []))
    content = library.read_bytes()
    assert content[:2] == b"MZ" if windows else content[:4] == b"\xcf\xfa\xed\xfe"  # PE, Mach-O of 64 bits
    for entry in (b"OfxGetNumberOfPlugins", b"OfxGetPlugin"):
        assert entry in content
