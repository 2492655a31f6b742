"""The effect is built for macOS and Windows by the compiler that the package ziglang brings; nothing runs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugin"
CACHE = Path(__file__).parents[2] / "build" / "zig"  # of libraries that the compiler builds for a system
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


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the compiler builds its C++ library for a system that it meets for the first time
@pytest.mark.parametrize("target", ["x86_64-windows-gnu", "aarch64-macos", "x86_64-macos"])
def test_the_effect_is_built(tmp_path, target):
    """As one file, as its own build of the tests makes it: compiled without a warning, and linked."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for other systems: pip install ziglang")
    windows, library, whole = "windows" in target, tmp_path / "LumaFlux.ofx", tmp_path / "effect.cpp"
    headers = ["winsock2.h"] if windows else []  # wants to come before windows.h, which other files include
    whole.write_text("".join(f'#include "{each}"\n' for each in [*headers, *map(Path.as_posix, sources(windows))]))
    options = ["-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", '-DLUMAFLUX_VERSION="0"', "-fvisibility=hidden"]
    command = [sys.executable, "-m", "ziglang", "c++", "-target", target, *options, "-shared", whole, "-o", library]
    caches = {f"ZIG_{kind}_CACHE_DIR": os.fspath(CACHE / kind) for kind in ("GLOBAL", "LOCAL")}
    done = subprocess.run(
        [*map(os.fspath, command), *(["-lws2_32"] if windows else [])],
        capture_output=True,
        text=True,
        env={**os.environ, **caches},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    content = library.read_bytes()
    assert content[:2] == b"MZ" if windows else content[:4] == b"\xcf\xfa\xed\xfe"  # PE, Mach-O of 64 bits
    for entry in (b"OfxGetNumberOfPlugins", b"OfxGetPlugin"):
        assert entry in content
