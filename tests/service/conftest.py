"""Workers of the tests: real processes with the tiny model, in a runtime directory of their own."""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from host_process import remove
from warm_python import Fork, WarmPython

from lumaflux.service import runtime
from lumaflux.service.client import Client, start_worker

SLOW_STEPS = 100  # what takes SLOW_S on every machine, and looks up after every step as a sampler does
SLOW_S = 2.0
_PATCHED = """
import time
from dataclasses import replace
from lumaflux.service import renderer
from lumaflux.service.serve import serve
from lumaflux.service.server import Options
fast = renderer.Renderer.render_frame
def render_frame(self, pixels, parameters, *, on_step=None, **how):
    if parameters.settings.steps == {steps}:
        until = time.monotonic() + {seconds}
        while time.monotonic() < until:
            time.sleep(0.02)
            on_step()
        parameters = replace(parameters, settings=replace(parameters.settings, steps=1))
    return fast(self, pixels, parameters, on_step=on_step, **how)
renderer.Renderer.render_frame = render_frame
{patch}
serve(Options(model="tiny", device="cpu", warm=False))
"""


@pytest.fixture(scope="session")
def warm():
    made = WarmPython()
    yield made
    made.close()


def start_patched(warm: WarmPython, directory: runtime.RuntimeDirectory, patch: str = "") -> Fork:
    """A worker process that knows slow frames, and whose code is changed by ``patch``."""
    environment = {**os.environ, "LUMAFLUX_RUNTIME_DIR": str(directory.path.parent)}
    return warm.start(_PATCHED.format(patch=patch, steps=SLOW_STEPS, seconds=SLOW_S), environment)


@pytest.fixture
def root():
    """A short path: a socket's is limited to 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="lf-"))
    yield folder
    remove(folder)


@pytest.fixture
def directory(root):
    return runtime.open_runtime_directory(root)


@pytest.fixture
def start(directory, warm):
    """start(*arguments, patch="code"): a worker process that listens, without a model; ended after the test. With
    arguments, it is started as users start it."""
    processes = []

    def _start(*arguments, patch=""):
        if arguments:
            process = start_worker(directory, sys.executable, *arguments)
        else:
            process = start_patched(warm, directory, patch)
        processes.append(process)
        until(lambda: runtime.answers(directory) or process.poll() is not None)
        return process

    yield _start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def worker(warm):
    """(directory, process) of one worker that the tests of a module share; it must outlive them all."""
    root = Path(tempfile.mkdtemp(prefix="lf-"))
    directory = runtime.open_runtime_directory(root)
    process = start_patched(warm, directory)
    until(lambda: runtime.answers(directory))
    yield directory, process
    assert process.poll() is None, directory.log.read_text()
    process.kill()
    process.wait()
    remove(root)


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
