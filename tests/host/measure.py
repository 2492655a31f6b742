"""What the effect costs beside its engine: copies, cold start, a second instance. Prints and, with a path, writes JSON.

make plugin && python tests/host/measure.py [figures.json]
"""

import json
import mmap
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from host_pictures import Picture, blank
from host_process import OK, HostProcess

from lumaflux.lab.bench.machine import describe
from lumaflux.lab.bench.velocity import interleaved
from lumaflux.options import ModelOptions
from lumaflux.service import bundle, runtime
from lumaflux.service.client import Client
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.settings import Settings

ROOT = Path(__file__).parents[2]
SIZES = {"1080p": (1080, 1920), "4k": (2160, 3840)}
ROUNDS = 15


class Bench:
    """An installed bundle with a runtime directory of its own, and a host."""

    def __init__(self, root: Path):
        self.root = root
        self.bundle = bundle.install(root)
        self.build = ROOT / "build" / "host"
        cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "cmake"
        for arguments in (["-S", str(ROOT / "tests" / "host"), "-B", str(self.build)], ["--build", str(self.build)]):
            subprocess.run([cmake, *arguments], check=True, stdout=subprocess.DEVNULL)
        self.directory = runtime.open_runtime_directory(root)

    def host(self) -> HostProcess:
        """A host with the instance "a"."""
        made = HostProcess(self.build / "ofx_host", {"LUMAFLUX_RUNTIME_DIR": str(self.root)})
        return made.open(self.bundle, "a")

    def end_engine(self) -> None:
        """Ends the engine and waits until it is gone."""
        pid = runtime.running_pid(self.directory)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            while runtime.answers(self.directory) or Path(f"/proc/{pid}").exists():
                time.sleep(0.05)


class PlainCopies:
    """The copies that a frame needs between two processes, as both make them; all memory is there beforehand."""

    def __init__(self, frame: np.ndarray):
        name = f"/dev/shm/lumaflux-{os.getpid()}-measure"
        self.file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(name)
        os.posix_fallocate(self.file, 0, 2 * frame.nbytes)
        shared = np.frombuffer(mmap.mmap(self.file, 2 * frame.nbytes), frame.dtype)
        self.source, self.result = shared.reshape(2, *frame.shape)
        self.frame, self.own, self.out = frame, np.empty_like(frame), np.empty_like(frame)

    def __call__(self) -> None:
        """The host's memory into shared memory, that into the engine's own (which maps nothing), and back."""
        own = self.own.view(np.uint8).reshape(-1).data
        np.copyto(self.source, self.frame)
        os.preadv(self.file, [own], 0)
        os.pwrite(self.file, own, self.frame.nbytes)
        np.copyto(self.out, self.result)


def overhead(host: HostProcess, size: str) -> dict[str, float]:
    """Milliseconds of one frame, float RGBA, medians of interleaved rounds; for ``effect`` the engine does nothing."""
    height, width = SIZES[size]
    frame = np.random.default_rng(0).random((height, width, 4), dtype=np.float32)
    copies, out = PlainCopies(frame), np.empty_like(frame)
    host.put("source", Picture(frame))
    host.put("target", blank(frame))
    host.do("connect", instance="a", clip="Source", picture="source")
    renderer = Renderer(ModelOptions(device="cpu"))
    static = RenderParameters(settings=Settings(strength=0.0))

    def effect(**values: Any) -> None:
        host.do("set", instance="a", values={"bypass": False, **values})
        assert host.do("render", instance="a", picture="target")["status"] == OK, host.said()

    seconds = interleaved(
        {
            "effect": lambda: effect(bypass=True),
            "copies": copies,
            "effect_static": lambda: effect(strength=0.0),
            "engine_static": lambda: renderer.render_frame(frame, static, out=out),
        },
        ROUNDS,
    )
    figures = {f"{size}_{name}_ms": 1000 * statistics.median(values) for name, values in seconds.items()}
    pairs = zip(seconds["effect"], seconds["copies"], strict=True)
    figures[f"{size}_over_copies"] = statistics.median(a / b for a, b in pairs)
    return figures


def cold_start(bench: Bench, rounds: int = 3) -> dict[str, float]:
    """Seconds of the first frame when no engine runs, and of the next ones: 640x360, the default model."""
    frame = np.random.default_rng(1).random((360, 640, 4), dtype=np.float32)
    firsts, seconds = [], []
    for turn in range(rounds):
        bench.end_engine()
        with bench.host() as host:
            firsts.append(host.render("a", Picture(frame), blank(frame))["seconds"])
            host.do("set", instance="a", values={"seed": turn + 1})
            seconds.append(host.render("a", Picture(frame), blank(frame))["seconds"])
    return {"first_frame_s": statistics.median(firsts), "next_frame_s": statistics.median(seconds)}


def private_mb(pid: int) -> float:
    """Memory that a process shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000


def second_instance(bench: Bench, host: HostProcess) -> dict[str, float]:
    """Megabytes that an instance costs once it has rendered a frame of 1080p as another has before."""
    frame = np.random.default_rng(2).random((*SIZES["1080p"], 4), dtype=np.float32)
    host.put("source", Picture(frame))
    host.put("target", blank(frame))

    def rendered(name: str) -> tuple[float, float]:
        host.do("set", instance=name, values={"strength": 0.0})
        host.do("connect", instance=name, clip="Source", picture="source")
        for _ in range(3):
            assert host.do("render", instance=name, picture="target")["status"] == OK
        with Client(bench.directory) as client:
            return private_mb(host.pid), client.ping()["rss_mb"]

    first = rendered("a")
    host.do("create", instance="b")
    second = rendered("b")
    return {"second_instance_host_mb": second[0] - first[0], "second_instance_engine_mb": second[1] - first[1]}


def main(target: Path | None = None) -> None:
    figures: dict[str, Any] = {"machine": describe()}
    root = Path(tempfile.mkdtemp(prefix="lf-"))
    try:
        bench = Bench(root)
        figures |= cold_start(bench)
        with bench.host() as host:
            for size in SIZES:
                figures |= overhead(host, size)
            figures |= second_instance(bench, host)
        bench.end_engine()
    finally:
        shutil.rmtree(root)
    for name, value in figures.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    if target is not None:
        target.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
