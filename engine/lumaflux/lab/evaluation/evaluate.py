"""`lumaflux evaluate`: predictions against references, picture by picture, into one JSON file."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.metrics.exposure import FLOOR_NITS
from lumaflux.lab.evaluation.pair_manifest import pairs_of_manifest
from lumaflux.lab.evaluation.pairs import Pair, extra_predictions, find_pairs, read_pq, read_sdr
from lumaflux.lab.evaluation.pq_levels import check_beside_sdr
from lumaflux.lab.evaluation.presets import Preset, preset_named
from lumaflux.lab.evaluation.scores import UNAVAILABLE, Scorer
from lumaflux.lab.evaluation.workers import WorkersLostError, perform_all
from lumaflux.media.atomic_file import AtomicFile

Progress = Callable[[int, int | None], None]


@dataclass(kw_only=True)
class Evaluation:
    """``frames``: scores by name; ``failed``: the sentence by name; ``extra``: files of predictions without reference;
    ``notes``: what a reader must know."""

    options: dict[str, Any]
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)

    def mean(self) -> dict[str, Any]:
        """The mean of each score over the frames where it is a finite number; None where there is none."""
        keys = next(iter(self.frames.values()), {})
        return {key: _mean([scores[key] for scores in self.frames.values()]) for key in keys}

    def notes(self) -> list[str]:
        """One sentence for every score that is infinite or has no exposure to align somewhere, one for what has no
        reference."""
        found = []
        for key in next(iter(self.frames.values()), {}):
            names = [name for name, scores in self.frames.items() if scores[key] == math.inf]
            if names:
                found.append(f"{key} is infinite (equal pictures) for {', '.join(names)}; left out of the mean")
            dark = [name for name, scores in self.frames.items() if key.endswith("_aligned") and scores[key] is None]
            if dark:
                where = f"no pixel of both pictures exceeds {FLOOR_NITS} cd/m2"
                found.append(f"{key} has no value for {', '.join(dark)} ({where}); left out of the mean")
        if self.extra:
            found.append(f"no reference has the name of {', '.join(self.extra)}; not scored")
        return found

    def to_json(self) -> dict[str, Any]:
        frames = {
            name: {key: "infinite" if value == math.inf else value for key, value in scores.items()}
            for name, scores in self.frames.items()
        }
        return {
            "options": self.options,
            "mean": self.mean(),
            "frames": frames,
            "failed": self.failed,
            "notes": self.notes(),
        }


@dataclass(frozen=True, kw_only=True)
class PairSources:
    """Where pictures to compare lie.

    Attributes:
        predictions: A directory, paired with ``references`` by file stem, or a manifest (``pairs_of_manifest``).
        references: A directory, which a manifest may do without.
        sdr: The directory of the SDR sources, for scores of where they are clipped.
    """

    predictions: Path
    references: Path | None = None
    sdr: Path | None = None

    def pairs(self) -> list[Pair]:
        """In order of name. Raises UserError where nothing is paired."""
        if self._is_manifest:
            return pairs_of_manifest(self.predictions, self.references, self.sdr)
        if self.references is None:
            raise UserError("the directory of references is missing; name it with --references")
        return find_pairs(self.predictions, self.references, self.sdr)

    def extra(self) -> list[str]:
        """File names of predictions in a directory that no reference has the stem of."""
        if self._is_manifest or self.references is None:
            return []
        return extra_predictions(self.predictions, self.references)

    @property
    def _is_manifest(self) -> bool:
        return self.predictions.suffix == ".jsonl"


def evaluate(
    sources: PairSources,
    preset_name: str,
    target: Path | None,
    *,
    lpips_weights: Path | None = None,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """Scores every pair; writes ``target`` (JSON) whole or not at all.

    Raises UserError when nothing can be scored. A frame that cannot be scored is named in ``failed``, the rest is
    scored; see ``refuse_failures``.
    """
    preset = preset_named(preset_name)
    pairs = sources.pairs()
    with_sdr = sources.sdr is not None or any(pair.sdr is not None for pair in pairs)
    result = Evaluation(options=preset.options() | {"sdr": with_sdr}, extra=sources.extra())
    results: dict[str, dict[str, Any] | str] = {}
    threads = None if workers == 1 else max(1, (os.cpu_count() or 1) // workers)
    progress(0, len(pairs))
    make = (preset, lpips_weights, with_sdr)
    try:
        for pair, scored in perform_all(PairScorer, make, pairs, workers=workers, threads=threads):
            results[pair.name] = scored
            progress(len(results), len(pairs))
    except WorkersLostError as lost:
        results |= {pair.name: str(lost) for pair in pairs if pair.name not in results}
    for pair in pairs:  # in order of name, whoever was done first
        scored = results[pair.name]
        if isinstance(scored, str):
            result.failed[pair.name] = scored
        else:
            result.frames[pair.name] = scored
    if target is not None:
        write_json(target, result.to_json())
    return result


def refuse_failures(result: Evaluation) -> None:
    """Raises FrameError naming the frames that were not scored."""
    if result.failed:
        sentences = "; ".join(f"{name}: {sentence}" for name, sentence in result.failed.items())
        total = len(result.failed) + len(result.frames)
        raise FrameError(f"{len(result.failed)} of {total} frames were not scored: {sentences}")


class PairScorer:
    """A pair's scores, or the sentence why there are none; keeps the metrics' weights."""

    def __init__(self, preset: Preset, lpips_weights: Path | None, wants_sdr: bool):
        self._scorer = Scorer(preset, lpips_weights)
        self._wants_sdr = wants_sdr

    def __call__(self, pair: Pair, step: Callable[[], None]) -> dict[str, Any] | str:
        try:
            return _score(self._scorer, pair, wants_sdr=self._wants_sdr)
        except (UserError, ValueError) as error:
            return str(error)


def _score(scorer: Scorer, pair: Pair, *, wants_sdr: bool) -> dict[str, Any]:
    if pair.prediction is None:
        raise UserError(f"no prediction has the name of {pair.reference.name}")
    if wants_sdr and pair.sdr is None:
        raise UserError(f"no SDR picture has the name of {pair.reference.name}")
    test, reference = read_pq(pair.prediction), read_pq(pair.reference)
    source = read_sdr(pair.sdr) if pair.sdr is not None else None
    if test.shape != reference.shape:
        raise UserError(f"{pair.prediction} is {_size(test)}, its reference {_size(reference)}")
    if source is not None and source.shape != reference.shape:
        raise UserError(f"{pair.sdr} is {_size(source)}, its reference {_size(reference)}")
    if source is not None:
        check_beside_sdr(pair.reference, reference[0].numpy(), source[0].numpy())
    return scorer(test, reference, source)


def _size(picture: Any) -> str:
    return f"{picture.shape[-1]}x{picture.shape[-2]}"


def _mean(scores: list[Any]) -> Any:
    if UNAVAILABLE in scores:
        return UNAVAILABLE
    finite = [score for score in scores if score is not None and math.isfinite(score)]
    return math.fsum(finite) / len(finite) if finite else None


def write_json(target: Path, content: dict[str, Any]) -> None:
    """Whole or not at all; raises UserError when the directory does not allow it."""
    with AtomicFile(target, overwrite=True) as file:
        file.partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
