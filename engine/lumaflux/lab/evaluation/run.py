"""Runs a benchmark: every method on every clip of a set, into a folder that can be taken up again at any time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.presets import preset_named
from lumaflux.lab.evaluation.records import RESULTS, Record, append_records
from lumaflux.lab.evaluation.resume import take_up
from lumaflux.lab.evaluation.selection import listed
from lumaflux.lab.evaluation.sets.manifest import MANIFEST, Clip, Manifest, damaged_files, read_manifest, sha256
from lumaflux.lab.evaluation.units import Benchmark, Unit, UnitScorer
from lumaflux.lab.evaluation.workers import perform_all

Progress = Callable[[int, int | None], None]
_NAMED = 5  # so many failures are told in the error, all of them in the records


@dataclass(kw_only=True)
class Outcome:
    """``scored`` frames in this run, ``kept`` from earlier ones; ``failed``: the sentence by method, clip and frame."""

    scored: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_benchmark(
    benchmark: Benchmark,
    out: Path,
    *,
    workers: int = 1,
    threads: int = 1,
    fresh: bool = False,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Appends to ``out/results.jsonl`` what is not whole there yet; ``out/options.json`` says how it was made.

    Records do not depend on the number of workers, because each has ``threads`` torch threads. ``fresh`` forgets what
    the named methods have there, and all of it when it was made under other options. Raises UserError for a damaged
    set, or when results under other options are there; FrameError when a worker was killed (all finished clips are
    kept).
    """
    preset_named(benchmark.preset)  # refused before the set's files are read
    manifest = read_manifest(benchmark.folder)
    clips = benchmark.selection.clips(manifest)
    _refuse_damage(benchmark.folder, manifest, clips)
    methods = benchmark.named_methods()
    words = dict(zip(methods, benchmark.methods, strict=True))
    options = _options(benchmark, manifest, threads) | {
        "methods": {
            name: {"specification": words[name], "told": method.told} | method.describe()
            for name, method in methods.items()
        },
    }
    selection = benchmark.selection
    units = [Unit(method=name, clip=clip, frames=selection.frames(clip)) for name in methods for clip in clips]
    missing, kept = take_up(out, options, units, fresh=fresh)

    outcome = Outcome(kept=kept)
    total = sum(unit.frames for unit in units)
    done = kept
    progress(done, total)

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for _, records in perform_all(UnitScorer, (benchmark, words), missing, workers=workers, threads=threads, step=step):
        append_records(out / RESULTS, records)
        _count(outcome, records)
    return outcome


def refuse_failures(outcome: Outcome, out: Path) -> None:
    """Raises FrameError naming frames that could not be scored."""
    if not outcome.failed:
        return
    sentences = [f"{where}: {sentence}" for where, sentence in outcome.failed.items()]
    more = f"; and {len(sentences) - _NAMED} more, see {out / RESULTS}" if len(sentences) > _NAMED else ""
    raise FrameError(f"{len(sentences)} frames were not scored: {'; '.join(sentences[:_NAMED])}{more}")


def _refuse_damage(folder: Path, manifest: Manifest, clips: list[Clip]) -> None:
    needed = {name for clip in clips for name in (clip.sdr, *clip.references)}
    part = manifest.model_copy(update={"files": {name: manifest.files[name] for name in needed}})
    if damaged := damaged_files(folder, part):
        raise UserError(
            f"{len(damaged)} files of the set in {folder} are missing or damaged: {listed(damaged)}; build it again"
        )


def _options(benchmark: Benchmark, manifest: Manifest, threads: int) -> dict[str, Any]:
    """What results must have in common to stand in one folder, beside their methods."""
    weights = benchmark.lpips_weights
    return {
        "set": {
            "name": manifest.name,
            "manifest_sha256": sha256(benchmark.folder / MANIFEST),
            "frames_per_clip": benchmark.selection.frames_per_clip,
        },
        "scores": preset_named(benchmark.preset).options() | {"lpips_weights": sha256(weights) if weights else None},
        "software": _software(benchmark.device, threads),
    }


def _software(device: str | None, threads: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from lumaflux.version import __version__

    return {
        "lumaflux": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "device": device,
        "threads": threads,
    }


def _count(outcome: Outcome, records: list[Record]) -> None:
    for record in records:
        if record.frame is None:
            continue
        outcome.scored += 1
        if record.error:
            outcome.failed[f"{record.method}, {record.clip}, frame {record.frame}"] = record.error
