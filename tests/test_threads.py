"""Threads wait without spinning wherever torch is loaded by this package."""

import os
import subprocess
import sys

import pytest

DOORS = {
    "python": [sys.executable, "-c", "import lumaflux; lumaflux.load"],
    "command": [sys.executable, "-m", "lumaflux.cli", "doctor"],
}


def policy(command, **environment):
    """What OpenMP says of itself when it is loaded."""
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        command, env={**clean, "OMP_DISPLAY_ENV": "true", **environment}, capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if "OMP_WAIT_POLICY" in line]
    assert lines, "OpenMP was not loaded"
    return {line.split("'")[1] for line in lines}


@pytest.mark.parametrize("door", DOORS)
def test_threads_wait_passively(door):
    assert policy(DOORS[door]) == {"PASSIVE"}


def test_what_the_user_set_stays():
    assert policy(DOORS["python"], OMP_WAIT_POLICY="ACTIVE") == {"ACTIVE"}


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps")
def test_threads_share_heaps():
    """``malloc_info`` counts them while eight threads hold memory of their own."""
    program = """
import ctypes, sys, tempfile, threading
from lumaflux import threads
if sys.argv[1] == "shared":
    threads.share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
barrier = threading.Barrier(9)
def hold():
    libc.malloc(1000)
    barrier.wait(10)
    barrier.wait(10)
for _ in range(8):
    threading.Thread(target=hold).start()
barrier.wait(10)
name = tempfile.mktemp()
file = ctypes.c_void_p(libc.fopen(name.encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(open(name).read().count("<heap nr="), max(2, threads.THREADS))
barrier.wait(10)
"""

    def heaps(how, **environment):
        clean = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
        done = subprocess.run(
            [sys.executable, "-c", program, how],
            env={**clean, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(word) for word in done.stdout.split()]

    found, most = heaps("shared")
    assert found <= most
    if heaps("free", MALLOC_ARENA_MAX="7")[0] > most:  # the count tells
        assert heaps("shared", MALLOC_ARENA_MAX="7")[0] > most  # what the user set stays


def test_what_a_start_makes_is_not_looked_through_as_garbage():
    """Of the collections that look through everything, none comes before a model is loaded, and the last finds little
    to look through."""
    program = """
import gc
from lumaflux.threads import collect_rarely
collect_rarely()
before = gc.get_stats()[2]["collections"]
from lumaflux.torch_import import import_torch
import_torch()
import lumaflux.inference.load
print(gc.get_stats()[2]["collections"] - before, gc.get_freeze_count() > 100_000)
import atexit
atexit._run_exitfuncs()
print(len(gc.get_objects()) < 1_000)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "True"]


def test_libraries_that_count_what_is_left_find_nothing():
    program = """
import gc
from lumaflux.threads import collect_rarely
collect_rarely()
import OpenImageIO
made = [OpenImageIO.ImageSpec(4, 4, 3, "uint8")]
made.append(made)
gc.freeze()  # as import_torch does
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
