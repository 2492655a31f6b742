"""One command for a machine with a CUDA card: kernels, sanitizers, FLUX.1-dev's shapes, the default model, training.

``python scripts/gpu/day.py OUT [--wheels DIR] [--minutes 15] [--train CONFIG[,CONFIG][:SHARE] ...]``, from any folder.
Every part has a budget and a process of its own; OUT/day.json is written after each, so that a machine that goes away
takes one part with it. ``--rehearse`` does all of it small, on any machine. docs/gpu.md says more.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pack

ROOT = Path(__file__).parents[2]
SANITIZED = ["--error-exitcode", "9"]
QUIET = {"memcheck": ["--report-api-errors", "no"]}  # cuda-bindings asks an older driver for functions it lacks
_STOP_SECONDS = 10  # between the request to end and the end
_PATIENCE = 10  # times a part's budget in a rehearsal: another machine may be slow, and time is not what it is for
_FINISH_SECONDS = 45  # of a training that ends by the clock: validation and results


@dataclass(frozen=True, kw_only=True)
class Part:
    """``budget`` seconds for ``command``; ``needed`` says what it is for. ``sanitizer``: the tool that watches it."""

    name: str
    budget: float
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    sanitizer: str | None = None


def parts_of(out: Path, rehearse: bool) -> list[Part]:
    """All but training, the most important first."""

    def module(name: str, *arguments: object) -> list[str]:
        return [sys.executable, "-m", f"lumaflux.lab.bench.{name}", *map(str, arguments)]

    small = ["--small", "--rounds", 2] if rehearse else ["--rounds", 15]
    flux = ["--preset", "tiny-flux", "--sizes", "64x48", "--crop", 32, "--rounds", 1]
    flux += ["--backend", "eager", "--budget", 175 * _PATIENCE]
    lite = ["--model", "tiny", "--sizes", "96x64", "--rounds", 1]
    pairs = ["--batch", 8, "--crop", 32, "--views", 4, "--panoramas", 1]
    watched = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}  # memory of its own for every tensor: reads beyond it are seen
    checks = module("kernel_checks", "--small")
    return [
        Part(name="kernels", budget=100, command=module("gpu", "--json", out / "kernels.json", *small)),
        *(
            Part(name=tool, budget=60, command=checks, environment=watched, sanitizer=tool)
            for tool in ("memcheck", "racecheck")
        ),
        Part(
            name="flux",
            budget=190,
            command=module("flux", "--json", out / "flux.json", *(flux if rehearse else ["--budget", 175])),
        ),
        Part(
            name="lite", budget=60, command=module("frames", "--json", out / "lite.json", *(lite if rehearse else []))
        ),
        Part(
            name="pairs", budget=40, command=module("pairs", "--json", out / "pairs.json", *(pairs if rehearse else []))
        ),
    ]


def watched_by(sanitizer: str | None, command: list[str]) -> list[str]:
    """The command under compute-sanitizer where it is wanted and installed."""
    program = shutil.which("compute-sanitizer")
    if sanitizer is None or program is None:
        return command
    return [program, "--tool", sanitizer, *QUIET.get(sanitizer, []), *SANITIZED, *command]


class Day:
    """What was run so far, in OUT/day.json; ``minutes`` for everything."""

    def __init__(self, out: Path, minutes: float, environment: dict[str, str], patience: float = 1):
        self.out, self.environment, self.patience = out, environment, patience
        self.end = time.monotonic() + 60 * minutes
        self.results: dict[str, dict] = {}

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    def run(self, *parts: Part) -> None:
        """Runs parts side by side, in the first one's budget and what is left; their output goes to OUT/NAME.log."""
        seconds = min(self.patience * parts[0].budget, self.left)
        if seconds < 5:
            for part in parts:
                self._note(part.name, {"left_out": f"{max(self.left, 0):.0f} s are left"})
            return
        begin = time.monotonic()
        begun = [self._begun(part) for part in parts]
        for part, process in zip(parts, begun, strict=True):
            code = _ended(process, max(begin + seconds - time.monotonic(), 0.1))
            result = {"code": code, "seconds": round(time.monotonic() - begin, 1), "budget": round(seconds, 1)}
            if part.sanitizer:
                result["watched"] = shutil.which("compute-sanitizer") is not None
            self._note(part.name, result)

    def _begun(self, part: Part) -> subprocess.Popen:
        with (self.out / f"{part.name}.log").open("w") as log:
            return subprocess.Popen(
                watched_by(part.sanitizer, part.command),
                cwd=ROOT,
                env={**self.environment, **part.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # ended with all that it starts
            )

    def _note(self, name: str, result: dict) -> None:
        self.results[name] = result
        (self.out / "day.json").write_text(json.dumps(self.results, indent=1) + "\n")
        print(f"{name}: {json.dumps(result)}", flush=True)


def _ended(process: subprocess.Popen, seconds: float) -> int:
    """The exit code; -15 or -9 of a process that was ended because its time was up."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def training(day: Day, configs: list[str], seconds: float | None = None) -> None:
    """The stages of ``configs`` (CONFIG or CONFIG:SHARE) in turn; each has its share of the time that is left.

    Configurations joined by commas run side by side: small networks leave most of a device idle.
    """
    named = [config.rsplit(":", 1) if ":" in config else [config, "1"] for config in configs]
    shares = [float(share) for _, share in named]
    for index, (config, _) in enumerate(named):
        own = (day.left if seconds is None else seconds) * shares[index] / sum(shares[index:])
        minutes = max(own - _FINISH_SECONDS, 3.0) / 60
        base = [sys.executable, "-m", "lumaflux.lab.training"]
        day.run(
            *(
                Part(
                    name=f"train-{Path(one).stem}",
                    budget=own + _FINISH_SECONDS,
                    command=[*base, one, "--minutes", f"{minutes:.3f}"],
                )
                for one in config.split(",")
            )
        )


def environment_of(wheels: Path | None) -> dict[str, str]:
    """This process', with the checkout and, of ``wheels``, what this machine lacks on Python's path."""
    paths = [str(ROOT / "engine")]
    if wheels is not None:
        site = Path(tempfile.mkdtemp(prefix="lumaflux-site-"))
        files = sorted(map(str, wheels.glob("*.whl")))
        if not files:
            sys.exit(f"{wheels} holds no wheels; fill it as scripts/gpu/wheels.txt says")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(site), *files], check=True)
        paths.insert(0, str(site))
    before = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, *([before] if before else [])]),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where results are written")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels that this machine lacks")
    parser.add_argument("--minutes", type=float, default=15.0, help="for everything")
    parser.add_argument("--parts", help="those alone, by name, with commas: kernels, memcheck, ..., training")
    parser.add_argument(
        "--train", nargs="*", default=[], metavar="CONFIG[,CONFIG][:SHARE]", help="stages for the time left"
    )
    parser.add_argument("--keep", type=Path, nargs="*", default=[], help="run folders whose results are packed")
    parser.add_argument("--rehearse", action="store_true", help="all of it small, on any machine")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    day = Day(out, options.minutes, environment_of(options.wheels), _PATIENCE if options.rehearse else 1)
    wanted = set(options.parts.split(",")) if options.parts else None
    for part in parts_of(out, options.rehearse):
        if wanted is None or part.name in wanted:
            day.run(part)
    configs, keep = list(options.train), list(options.keep)
    if options.rehearse and (wanted is None or "training" in wanted):
        scene = [sys.executable, str(Path(__file__).with_name("rehearsal.py")), str(out / "rehearsal")]
        day.run(Part(name="rehearsal", budget=120, command=scene))
        configs, keep = [str(out / "rehearsal" / "adapters.yaml")], [out / "rehearsal" / "run"]
    if wanted is None or "training" in wanted:
        training(day, configs, 3.0 + _FINISH_SECONDS if options.rehearse else None)
    if found := [folder for folder in keep if folder.exists()]:
        pack.split(found, out / "packed")
    bad = [name for name, result in day.results.items() if result.get("code") != 0]  # what was left out, too
    print(f"{len(day.results) - len(bad)} of {len(day.results)} parts ended well; results in {out}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
