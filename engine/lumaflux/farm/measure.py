"""`python -m lumaflux.farm.measure CLIP OUT.json`: what the farm path costs, how it scales, and a film simulated."""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec, spec_text
from lumaflux.farm.session import ask, engine_pid, start_engine, stop_engine
from lumaflux.farm.simulation import Farm, simulate
from lumaflux.farm.simulation_plot import plot
from lumaflux.media.stills.frame_numbers import frames_text, in_chunks
from lumaflux.render.source import Source

FILM = 170_000  # frames
NODES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LIVES_H: tuple[float | None, ...] = (None, 24.0, 2.0)
_CHUNK, _ROUNDS = 4, 3


def main(clip: Path, written: Path, frames: int, model: str) -> None:
    numbers = Source(clip).numbers[:frames]
    spec = JobSpec(source=clip, model=model, device="cpu", frames=frames_text(numbers), track="none")
    rounds: dict[str, list[float]] = {"plain": [], "one engine": [], "two engines": []}
    busy: dict[str, list[float]] = {"plain": [], "one engine": []}
    loads, frame_times, load_s = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(_ROUNDS):  # in turns: what else the machine does hits all alike
            here = Path(scratch) / str(number)
            here.mkdir()
            before = time.process_time()
            rounds["plain"].append(_plain(spec, here / "plain", numbers, busy["plain"]))
            print(f"plain {rounds['plain'][-1]:.1f} s, {time.process_time() - before:.1f} s of CPU with the load")
            for count, name in ((1, "one engine"), (2, "two engines")):
                seconds, engines = _farm(spec, here / name, numbers, count)
                rounds[name].append(seconds)
                loads += engines["loads"]
                load_s += engines["start_s"]
                records = (JobFolder(here / name).record(frame) for frame in numbers)
                if count == 1:
                    busy[name].append(engines["cpu_s"][0])
                    frame_times += [record.seconds for record in records if record]
    best = {name: min(seconds) for name, seconds in rounds.items()}
    figures: dict[str, Any] = {
        "clip": clip.name,
        "frames": len(numbers),
        "model": model,
        "cores": os.cpu_count(),
        "load_average": psutil.getloadavg()[0],
        "seconds": rounds,
        "cpu_seconds": busy,
        "overhead": best["one engine"] / best["plain"],
        "overhead_cpu": min(busy["one engine"]) / min(busy["plain"]),
        "scaling": best["one engine"] / best["two engines"],
        "model_loads_per_worker": max(loads),
        "engine_start_s": statistics.median(load_s),
        "frame_s": {"median": statistics.median(frame_times), "max": max(frame_times)},
        "film": film(frame_times, statistics.median(load_s)),
    }
    written.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    written.with_suffix(".svg").write_text(plot(figures["film"]), "utf-8")
    print(json.dumps({key: value for key, value in figures.items() if key != "film"}, indent=1))


def film(frame_times: list[float], load_s: float) -> list[dict[str, Any]]:
    """The simulated film over nodes and mean lives of nodes."""
    rows = []
    for life_h in LIVES_H:
        for nodes in NODES:
            farm = Farm(nodes=nodes, load_s=load_s, mean_life_s=None if life_h is None else life_h * 3600)
            for resume in (True,) if life_h is None else (True, False):
                outcome = simulate(FILM, frame_times, Farm(**{**asdict(farm), "resume": resume}))
                rows.append({"nodes": nodes, "mean_life_h": life_h, "resume": resume, **asdict(outcome)})
    return rows


def _plain(spec: JobSpec, folder: Path, numbers: list[int], cpu_s: list[float]) -> float:
    """Seconds of `lumaflux convert` to a sequence of the same frames, without the model's load."""
    import torch

    from lumaflux.inference.load import load
    from lumaflux.render import Job, convert

    torch.set_num_threads(spec.threads or 1)
    folder.mkdir()
    converter = load(spec.model, device=spec.device)
    job = Job(frames=frames_text(numbers), track="none", model=spec.model)
    begun, busy = time.monotonic(), time.process_time()
    convert(spec.source, folder / "frame.%07d.png", lambda: converter, spec.settings, job)
    cpu_s.append(time.process_time() - busy)
    return time.monotonic() - begun


def _farm(spec: JobSpec, folder: Path, numbers: list[int], count: int) -> tuple[float, dict[str, list]]:
    """Seconds of the same by ``count`` engines that take chunks from one list, from the first to the last frame."""
    written = folder.with_name(f"{folder.name}.json")
    written.write_text(spec_text(spec), "utf-8")
    found: dict[str, list] = {"loads": [], "start_s": [], "cpu_s": []}
    engines = []
    for _ in range(count):
        begun = time.monotonic()
        engines.append(start_engine(written, spec.source, folder, _silent))
        found["start_s"].append(time.monotonic() - begun)
    chunks = in_chunks(numbers, _CHUNK)

    def work(engine: Path) -> None:
        while True:
            try:
                chunk = chunks.pop(0)
            except IndexError:
                return
            found["loads"].append(ask(engine, frames_text(chunk), _silent)["loads"])

    begun, busy = time.monotonic(), [_cpu_s(engine) for engine in engines]
    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    found["cpu_s"] = [_cpu_s(engine) - before for engine, before in zip(engines, busy, strict=True)]
    for engine in engines:
        stop_engine(engine)
    return seconds, found


def _cpu_s(engine: Path) -> float:
    """Seconds of CPU that an engine has used so far."""
    times = psutil.Process(engine_pid(engine)).cpu_times()
    return times.user + times.system


def _silent(line: str) -> None:
    """Nothing is said while a clock runs."""


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        int(sys.argv[3]) if len(sys.argv) > 3 else 24,
        sys.argv[4] if len(sys.argv) > 4 else "lite",
    )
