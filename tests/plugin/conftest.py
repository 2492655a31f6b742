"""The built effect in the project's own host, with engines that know the tiny model."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pybind11
import pytest
from host_pictures import Picture, blank
from host_process import HostProcess, remove
from warm_python import WarmPython

import lumaflux
from lumaflux.service import runtime
from lumaflux.service.bundle import NAME
from lumaflux.service.parameters import parameters_json, write_parameters

ROOT = Path(__file__).parents[2]
SLOW_STEPS = 100  # what takes SLOW_S on every machine, and looks up after every step as a sampler does
SLOW_S = 1.5
_ENGINE = """
import sys, time
from dataclasses import replace
from lumaflux.service import renderer
from lumaflux.service.serve import serve
from lumaflux.service.server import Options
fast = renderer.Renderer.render_frame
def render_frame(self, pixels, parameters, *, on_step=None, **how):
    if parameters.settings.steps == {steps}:
        until = time.monotonic() + {seconds}
        try:
            while time.monotonic() < until:
                time.sleep(0.02)
                on_step()
        except Exception:
            open({given_up!r}, "a").write("1")
            raise
        parameters = replace(parameters, settings=replace(parameters.settings, steps=1))
    return fast(self, pixels, parameters, on_step=on_step, **how)
renderer.Renderer.render_frame = render_frame
{patch}
sys.exit(0 if serve(Options(model="tiny", device="cpu", warm=False)) else 1)
"""


def until(condition, seconds=60.0):
    """Waits for a condition; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(name="until", scope="session")
def _until():
    return until


class Built:
    """The effect and the host as cmake builds them, once for all who test at the same time."""

    def __init__(self, *, sanitize: bool):
        self.sanitized = sanitize
        self.folder = ROOT / "build" / ("test-sanitized" if sanitize else "test")
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for part, source in (("plugin", ROOT / "plugin"), ("host", ROOT / "tests" / "host")):
                wish = f"-DLUMAFLUX_SANITIZE={'ON' if sanitize else 'OFF'}"
                python = f"-DPython_EXECUTABLE={sys.executable}"
                bridge = f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"
                # As one file a target: the same libraries for a third of the compiler's time.
                whole = ("-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0", "-Wno-unused-cli")
                self._run("-S", source, "-B", self.folder / part, wish, python, bridge, *whole)
                self._run("--build", self.folder / part, "--parallel", "2")
        self.bundle = self.folder / "plugin" / NAME
        self.host = self.folder / "host" / "ofx_host"

    def _run(self, *arguments):
        beside = Path(sys.executable).with_name("cmake")
        command = [os.fspath(beside) if beside.exists() else "cmake", *map(os.fspath, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def built():
    return Built(sanitize=os.environ.get("LUMAFLUX_SANITIZE") == "1")


@pytest.fixture(scope="session")
def warm():
    made = WarmPython()
    yield made
    made.close()


class Scene:
    """A runtime directory, an installed bundle whose engine is a worker of the tests, and the hosts that use them."""

    def __init__(self, built: Built, warm: WarmPython, patch: str = ""):
        self.built, self._warm = built, warm
        self.root = Path(tempfile.mkdtemp(prefix="lf-"))
        self.bundle = self.root / NAME
        shutil.copytree(built.bundle, self.bundle)
        self.resources = self.bundle / "Contents" / "Resources"
        self.resources.mkdir(exist_ok=True)
        write_parameters(self.resources / "parameters.json", {"tiny": "Tiny"})
        self.starts = self.root / "starts"
        self.given_up = self.root / "given-up"  # a byte for every slow frame that was cancelled
        self.engine(patch)
        self.hosts = []

    @property
    def directory(self) -> runtime.RuntimeDirectory:
        return runtime.open_runtime_directory(self.root)

    def engine(self, patch: str = "", *, version: str = lumaflux.__version__, command: str | None = None):
        """Names the engine: a worker with the tiny model whose code ``patch`` changes, or a shell's ``command``."""
        script = self.root / "worker.py"
        facts = {"steps": SLOW_STEPS, "seconds": SLOW_S, "given_up": os.fspath(self.given_up)}
        script.write_text(_ENGINE.format(patch=patch, **facts))
        python = self.root / "python"
        if command is None:
            lines = f"exec {self._warm.shell_command(script, self.starts)}"
        else:
            lines = f"echo $$ >> {self.starts}\n{command}"
        python.write_text(f"#!/bin/sh\n{lines}\n")
        python.chmod(0o755)
        self.about(python=os.fspath(python), version=version)

    def about(self, **members: str):
        """Writes the bundle's engine.json."""
        (self.resources / "engine.json").write_text(json.dumps(members))

    @property
    def environment(self):
        return {"LUMAFLUX_RUNTIME_DIR": os.fspath(self.root), "OMP_NUM_THREADS": "1"}

    def host(self, *instances: str, faults=None, loaded: bool = True, **environment: str) -> HostProcess:
        """A host with the effect and instances, rendered by the tiny model."""
        host = HostProcess(self.built.host, {**self.environment, **environment})
        self.hosts.append(host)
        if loaded:
            host.open(self.bundle, *instances, faults=faults)
            for name in instances:
                host.do("set", instance=name, values={"model": 1})
        return host

    def pids(self) -> list[int]:
        """Every engine that was started so far."""
        return [int(line) for line in self.starts.read_text().split()] if self.starts.exists() else []

    def kill_engines(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        until(lambda: not any(_lives(pid) for pid in self.pids()))

    def close(self):
        """Ends everything; nothing may be left."""
        for host in self.hosts:
            host.quit()
        self.kill_engines()
        left = left_in_shared_memory([host.pid for host in self.hosts])
        zombies = [pid for pid in self.pids() if Path(f"/proc/{pid}").exists() and _state(pid) == "Z" and _of_us(pid)]
        remove(self.root)
        assert left == []
        assert zombies == []


def left_in_shared_memory(pids) -> list[str]:
    return [p.name for p in Path("/dev/shm").glob("lumaflux-*") if int(p.name.split("-")[1]) in pids]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _lives(pid: int) -> bool:
    return _state(pid) not in ("", "Z")


def _of_us(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid())


@pytest.fixture
def scene(built, warm):
    """One for this test alone: its engine starts anew."""
    made = Scene(built, warm)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_scene(built, warm):
    """One for a module: its engine stays."""
    made = Scene(built, warm)
    yield made
    made.close()


@pytest.fixture
def host(shared_scene):
    """A host with one instance, "a", and the module's engine."""
    with shared_scene.host("a") as made:
        yield made
    shared_scene.hosts.remove(made)


@pytest.fixture
def frame():
    """Float RGBA noise with every alpha."""
    return np.random.default_rng(0).random((37, 52, 4), dtype=np.float32)


@pytest.fixture
def convert():
    """convert(host, pixels, **how): the pixels that the effect makes of them; the render must succeed."""

    def _convert(host, pixels, instance="a", **how):
        target = blank(pixels)
        answer = host.render(instance, Picture(pixels), target, **how)
        assert answer["status"] == 0, host.said()
        return target.pixels

    return _convert


@pytest.fixture(scope="session")
def choice():
    """choice("view", "split"): the index that a host stores."""

    def _choice(name, value):
        member = next(p for p in parameters_json({"tiny": "Tiny"})["parameters"] if p["name"] == name)
        return member["values"].index(value)

    return _choice


FIRST = 11


@pytest.fixture
def clip():
    """Two scenes of four frames, float RGB."""
    at = np.random.default_rng(3)
    scenes = [at.random((24, 32, 3), np.float32) * 0.3, 1 - at.random((24, 32, 3), np.float32) * 0.3]
    return [np.roll(scene, n, 1) for scene in scenes for n in range(4)]


@pytest.fixture
def connected(scene):
    """connected(clip, **how): a host whose instance "a" has the clip from frame 11 on, and a state directory."""

    def _connected(clip, **how):
        host = scene.host("a", XDG_STATE_HOME=str(scene.root / "state"), **how)
        for number, picture in enumerate(clip):
            host.put(f"clip {number}", Picture(picture))
            host.do("connect", instance="a", clip="Source", time=FIRST + number, picture=f"clip {number}")
        host.do("connect", instance="a", clip="Source", range=[FIRST, FIRST + len(clip) - 1])
        return host

    return _connected


@pytest.fixture
def written():
    """written(path, clip): the clip as a lossless video of 8 bits."""

    def _written(path, clip):
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=24)
            stream.width, stream.height, stream.pix_fmt = clip[0].shape[1], clip[0].shape[0], "bgr0"
            for frame in clip:
                codes = av.VideoFrame.from_ndarray(np.floor(frame * 255 + 0.5).astype(np.uint8), format="rgb24")
                container.mux(stream.encode(codes))
            container.mux(stream.encode())
        return path

    return _written
