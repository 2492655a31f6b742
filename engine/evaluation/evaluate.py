"""`lumaflux evaluate`: folders of predictions against folders of references, frame by frame, into one JSON file."""

import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import FrameError, UserError
from engine.evaluation.pairs import Pair, find_pairs, read_pq, read_sdr
from engine.evaluation.presets import preset_named
from engine.evaluation.scores import UNAVAILABLE, Scorer

Progress = Callable[[int, int | None], None]


@dataclass(kw_only=True)
class Evaluation:
    """``frames``: scores by name; ``failed``: the sentence by name; ``notes``: what a reader must know."""

    options: dict[str, Any]
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def mean(self) -> dict[str, Any]:
        """The mean of each score over the frames where it is a finite number; None where there is none."""
        keys = next(iter(self.frames.values()), {})
        return {key: _mean([scores[key] for scores in self.frames.values()]) for key in keys}

    def notes(self) -> list[str]:
        """One sentence for every score that is infinite somewhere."""
        found = []
        for key in next(iter(self.frames.values()), {}):
            names = [name for name, scores in self.frames.items() if scores[key] == math.inf]
            if names:
                found.append(f"{key} is infinite (equal pictures) for {', '.join(names)}; left out of the mean")
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


def evaluate(
    predictions: Path,
    references: Path,
    sdr: Path | None,
    preset_name: str,
    target: Path | None,
    *,
    lpips_weights: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """Scores every pair; writes ``target`` (JSON) whole or not at all.

    Raises UserError when nothing can be scored. A frame that cannot be scored is named in ``failed``, the rest is
    scored; see ``refuse_failures``.
    """
    preset = preset_named(preset_name)
    pairs = find_pairs(predictions, references, sdr)
    scorer = Scorer(preset, lpips_weights)
    result = Evaluation(options=preset.options() | {"sdr": sdr is not None})
    for done, pair in enumerate(pairs):
        progress(done, len(pairs))
        try:
            result.frames[pair.name] = _score(scorer, pair, wants_sdr=sdr is not None)
        except (UserError, ValueError) as error:
            result.failed[pair.name] = str(error)
    progress(len(pairs), len(pairs))
    if target is not None:
        write_json(target, result.to_json())
    return result


def refuse_failures(result: Evaluation) -> None:
    """Raises FrameError naming the frames that were not scored."""
    if result.failed:
        sentences = "; ".join(f"{name}: {sentence}" for name, sentence in result.failed.items())
        total = len(result.failed) + len(result.frames)
        raise FrameError(f"{len(result.failed)} of {total} frames were not scored: {sentences}")


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
    return scorer(test, reference, source)


def _size(picture: Any) -> str:
    return f"{picture.shape[-1]}x{picture.shape[-2]}"


def _mean(scores: list[Any]) -> Any:
    if UNAVAILABLE in scores:
        return UNAVAILABLE
    finite = [score for score in scores if score is not None and math.isfinite(score)]
    return math.fsum(finite) / len(finite) if finite else None


def write_json(target: Path, content: dict[str, Any]) -> None:
    """Beside the target, then renamed; raises UserError when the directory does not allow it."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1, allow_nan=False)
            file.write("\n")
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}; choose another place") from None
