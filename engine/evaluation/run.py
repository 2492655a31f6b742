"""Runs a benchmark: every method on every clip of a set, into a folder that can be taken up again at any time."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import FrameError, UserError
from engine.evaluation.evaluate import write_json
from engine.evaluation.methods.named import methods_named
from engine.evaluation.presets import preset_named
from engine.evaluation.records import OPTIONS, RESULTS, Record, append_records, read_records, replace_records
from engine.evaluation.sets.manifest import MANIFEST, Clip, Manifest, damaged_files, read_manifest, sha256
from engine.evaluation.units import Scoring, Unit, UnitScorer
from engine.evaluation.workers import perform_all
from engine.settings import Settings

Progress = Callable[[int, int | None], None]
_NAMED = 5  # so many failures are told in the error, all of them in the records


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which part of a set is run: empty means all. ``frames_per_clip`` takes the first frames of every clip."""

    scenes: tuple[str, ...] = ()
    renderings: tuple[str, ...] = ()
    crf: tuple[int, ...] = ()
    splits: tuple[str, ...] = ()
    frames_per_clip: int | None = None

    def clips(self, manifest: Manifest) -> list[Clip]:
        """Raises UserError for a name that the set does not have, or when nothing is left."""
        for what, chosen in (("scene", self.scenes), ("rendering", self.renderings), ("crf", self.crf)):
            known = {getattr(clip, what) for clip in manifest.clips}
            if strange := [str(name) for name in chosen if name not in known]:
                raise UserError(f"the set {manifest.name} has no {what} {', '.join(strange)}; it has {_listed(known)}")
        clips = [clip for clip in manifest.clips if self._takes(clip)]
        if not clips:
            raise UserError(f"no clip of the set {manifest.name} is in this selection; choose less narrowly")
        return clips

    def frames(self, clip: Clip) -> int:
        whole = len(clip.references)
        return whole if self.frames_per_clip is None else min(whole, self.frames_per_clip)

    def _takes(self, clip: Clip) -> bool:
        pairs = (
            (self.scenes, clip.scene),
            (self.renderings, clip.rendering),
            (self.crf, clip.crf),
            (self.splits, clip.split),
        )
        return all(not chosen or value in chosen for chosen, value in pairs)


@dataclass(kw_only=True)
class Outcome:
    """``scored`` frames in this run, ``kept`` from earlier ones; ``failed``: the sentence by method, clip and frame."""

    scored: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_benchmark(
    set_folder: Path,
    out: Path,
    methods: list[str],
    preset: str = "luma-eval",
    *,
    selection: Selection = Selection(),
    workers: int = 1,
    threads: int = 1,
    settings: Settings | None = None,
    device: str | None = None,
    precision: str | None = None,
    lpips_weights: Path | None = None,
    fresh: bool = False,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Appends to ``out/results.jsonl`` what is not whole there yet; ``out/options.json`` says how it was made.

    ``methods`` as ``method_named`` reads them. Records do not depend on the number of workers, because each has
    ``threads`` torch threads. ``fresh`` forgets what the named methods have there, and all of it when it was made
    under other options. Raises UserError for a damaged set, or when results under other options are there; FrameError
    when a worker was killed (all finished clips are kept).
    """
    manifest = read_manifest(set_folder)
    clips = selection.clips(manifest)
    _refuse_damage(set_folder, manifest, clips)
    settings = settings or Settings()
    described = methods_named(methods, settings=settings, device=device, precision=precision)
    scoring = Scoring(
        folder=set_folder,
        preset=preset,
        specifications=dict(zip(described, methods, strict=True)),
        lpips_weights=lpips_weights,
        settings=settings,
        device=device,
        precision=precision,
    )
    options = {
        "set": {
            "name": manifest.name,
            "manifest_sha256": sha256(set_folder / MANIFEST),
            "frames_per_clip": selection.frames_per_clip,
        },
        "scores": preset_named(preset).options() | {"lpips_weights": sha256(lpips_weights) if lpips_weights else None},
        "software": _software(device, threads),
        "methods": {
            name: {"specification": scoring.specifications[name], "told": method.told} | method.describe()
            for name, method in described.items()
        },
    }
    units = [Unit(method=name, clip=clip, frames=selection.frames(clip)) for name in described for clip in clips]
    missing, kept = _take_up(out, options, units, fresh=fresh)

    outcome = Outcome(kept=kept)
    total = sum(unit.frames for unit in units)
    done = kept
    progress(done, total)

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for _, records in perform_all(UnitScorer, (scoring,), missing, workers=workers, threads=threads, step=step):
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


def read_options(out: Path) -> dict[str, Any]:
    """How a run was made. Raises UserError when there is none."""
    path = out / OPTIONS
    try:
        options = json.loads(path.read_text())
        assert {"set", "scores", "software", "methods"} <= options.keys()
        return options
    except OSError:
        raise UserError(f"{out} holds no run (no {OPTIONS}); make one with: lumaflux luma-eval run") from None
    except (ValueError, AssertionError, AttributeError):
        raise UserError(f"{path} is damaged; run again with --fresh") from None


def _take_up(out: Path, options: dict[str, Any], units: list[Unit], *, fresh: bool) -> tuple[list[Unit], int]:
    """Makes ``out`` ready; the units that are still to do, and how many frames are kept of the others."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made: {error.strerror}; choose another folder") from None
    names = set(options["methods"])
    earlier = _earlier(out, options, names, fresh=fresh)
    options["methods"] = (earlier["methods"] if earlier else {}) | options["methods"]
    records = read_records(out / RESULTS) if earlier and (out / RESULTS).is_file() else []
    if fresh:
        records = [record for record in records if record.method not in names]
    by_unit: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_unit.setdefault((record.method, record.clip), []).append(record)
    missing, kept = [], 0
    for unit in units:
        found = by_unit.get((unit.method, unit.clip.name), [])
        if _whole(found, unit):
            kept += unit.frames
        else:
            missing.append(unit)
            by_unit.pop((unit.method, unit.clip.name), None)
    replace_records(out / RESULTS, (record for group in by_unit.values() for record in group))
    write_json(out / OPTIONS, options)
    return missing, kept


def _earlier(out: Path, options: dict[str, Any], names: set[str], *, fresh: bool) -> dict[str, Any] | None:
    """The options of the run in ``out`` if it can go on under ``options``; raises UserError when it cannot."""
    if not (out / OPTIONS).exists() and not (out / RESULTS).exists():
        return None
    try:
        earlier = read_options(out)
    except UserError:
        if fresh:
            return None
        raise
    other = [part for part in ("set", "scores", "software") if earlier[part] != options[part]]
    if other and not fresh:
        said = "; ".join(_difference(part, earlier[part], options[part]) for part in other)
        raise UserError(f"{out} was made otherwise ({said}); choose another folder, or start over with --fresh")
    if other:
        return None
    for name in names & earlier["methods"].keys():
        before, now = ({**side["methods"][name], "specification": ""} for side in (earlier, options))
        if before != now and not fresh:
            raise UserError(
                f"{out} has results of another {name} ({_difference('method', before, now)}); rename it with "
                "--method NAME=..., or score it anew with --fresh"
            )
    return earlier


def _whole(records: list[Record], unit: Unit) -> bool:
    frames = [record.frame for record in records]
    wanted = unit.keys()
    return len(frames) == len(wanted) and set(frames) == set(wanted) and not any(record.error for record in records)


def _refuse_damage(folder: Path, manifest: Manifest, clips: list[Clip]) -> None:
    needed = {name for clip in clips for name in (clip.sdr, *clip.references)}
    part = manifest.model_copy(update={"files": {name: manifest.files[name] for name in needed}})
    if damaged := damaged_files(folder, part):
        raise UserError(
            f"{len(damaged)} files of the set in {folder} are missing or damaged: {_listed(damaged)}; build it again"
        )


def _software(device: str | None, threads: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from engine import __version__

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


def _difference(part: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return f"{part}: {', '.join(f'{key} {_short(before.get(key))}, now {_short(now.get(key))}' for key in keys)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 24 else f"{text[:20]}..."


def _listed(names: Any) -> str:
    ordered = sorted(map(str, names))
    return ", ".join(ordered[:10]) + (f" and {len(ordered) - 10} more" if len(ordered) > 10 else "")
