"""Workers of the tests: real processes with the tiny model, in a runtime directory of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from engine.service import runtime
from engine.service.client import Client, start_worker

OPTIONS = ("--model", "tiny", "--device", "cpu")
COLD = (*OPTIONS, "--no-warm")
_PATCHED = """
import sys
from engine.service.serve import serve
from engine.service.server import Options
{patch}
serve(Options(model="tiny", device="cpu", warm=False))
"""


@pytest.fixture
def root():
    """A short path: a socket's is limited to 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="lf-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def directory(root):
    return runtime.open_runtime_directory(root)


@pytest.fixture
def start(directory):
    """start(*arguments, patch="code"): a worker process that listens, without a model; ended after the test."""
    processes = []

    def _start(*arguments, patch=None):
        if patch is None:
            process = start_worker(directory, sys.executable, *(arguments or COLD))
        else:
            environment = {**os.environ, "LUMAFLUX_RUNTIME_DIR": str(directory.path.parent)}
            process = subprocess.Popen([sys.executable, "-c", _PATCHED.format(patch=patch)], env=environment)
        processes.append(process)
        until(lambda: runtime.answers(directory) or process.poll() is not None)
        return process

    yield _start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def worker():
    """(directory, process) of one worker that the tests of a module share; it must outlive them all."""
    root = Path(tempfile.mkdtemp(prefix="lf-"))
    directory = runtime.open_runtime_directory(root)
    process = start_worker(directory, sys.executable, *OPTIONS)
    until(lambda: runtime.answers(directory))
    yield directory, process
    assert process.poll() is None, (directory.path / "start.log").read_text()
    process.kill()
    process.wait()
    shutil.rmtree(root)


@pytest.fixture
def client(worker):
    with Client(worker[0]) as connected:
        yield connected


@pytest.fixture
def frame():
    """Float RGBA noise."""
    return np.random.default_rng(0).random((36, 48, 4), dtype=np.float32)


def until(condition, seconds=60.0):
    """Waits for a condition; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(name="until")
def _until():
    return until
