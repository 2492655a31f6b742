"""The built library: what it exports, what it needs, and from how old a system."""

import re
import subprocess

import pytest

GLIBC = (2, 28)
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "ld-linux-x86-64.so.2"}


@pytest.fixture(scope="module")
def library(built):
    if built.sanitized:
        pytest.skip("the sanitizers' runtimes are linked")
    return built.bundle / "Contents" / "Linux-x86-64" / "LumaFlux.ofx"


def tool(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def test_only_the_entry_symbols_are_exported(library):
    lines = tool("nm", "--dynamic", "--defined-only", library).splitlines()
    assert sorted(line.split()[-1] for line in lines) == ["OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"]


def test_no_python_and_no_c_plus_plus_runtime_is_needed(library):
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", tool("readelf", "--dynamic", "--wide", library)))
    assert "libc.so.6" in needed
    assert needed <= SYSTEM
    assert "_Py" not in tool("nm", "--dynamic", "--undefined-only", library)


def test_nothing_is_newer_than_glibc_2_28(library):
    symbols = tool("readelf", "--version-info", "--wide", library)
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBC_([0-9.]+)", symbols)}
    assert versions
    assert max(versions) <= GLIBC
    assert "GLIBCXX" not in symbols
    assert "CXXABI" not in symbols


def test_it_has_no_executable_stack_and_no_path_of_its_maker(library):
    stack = re.search(r"GNU_STACK.*", tool("readelf", "--program-headers", "--wide", library))
    assert stack is not None
    assert "RWE" not in stack[0]
    assert not re.search(r"RPATH|RUNPATH", tool("readelf", "--dynamic", "--wide", library))
