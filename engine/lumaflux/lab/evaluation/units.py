"""Scores one clip by one method: the unit of a benchmark's work, of its records and of its resumption."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.method import ClipFrames, Frame, Method
from lumaflux.lab.evaluation.methods.named import method_named, methods_named
from lumaflux.lab.evaluation.presets import preset_named
from lumaflux.lab.evaluation.records import Record
from lumaflux.lab.evaluation.scores import Scorer
from lumaflux.lab.evaluation.selection import Selection
from lumaflux.lab.evaluation.sets.manifest import Clip
from lumaflux.lab.evaluation.temporal_scores import TemporalScorer
from lumaflux.settings import Settings

_CODES = 65535  # predictions are compared as they are stored: 16 bits


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is scored, and under which options, which are those of models.

    Attributes:
        folder: The set's.
        methods: As `method_named` reads them.
        preset: Fixes every option of the scores (`preset_named`).
        selection: The part of the set.
        lpips_weights: For HDR-LPIPS, which is unavailable without.
        settings: The look.
        device: The best that is there if None.
        precision: The device's own if None.
    """

    folder: Path
    methods: tuple[str, ...]
    preset: str = "luma-eval"
    selection: Selection = field(default_factory=Selection)
    lpips_weights: Path | None = None
    settings: Settings = field(default_factory=Settings)
    device: str | None = None
    precision: str | None = None

    def named_methods(self) -> dict[str, Method]:
        """The methods by name; raises UserError for none at all or two of one name."""
        return methods_named(self.methods, settings=self.settings, device=self.device, precision=self.precision)

    def method(self, word: str) -> Method:
        """One of ``methods``."""
        return method_named(word, settings=self.settings, device=self.device, precision=self.precision)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The first ``frames`` frames of ``clip`` by the method of this name."""

    method: str
    clip: Clip
    frames: int

    def __str__(self) -> str:
        return f"{self.method} of {self.clip.name}"

    def keys(self) -> list[int | None]:
        """The ``frame`` of every record that a whole unit has: pictures have none for the clip."""
        return [*range(self.frames), *([] if self.clip.frame_rate is None else [None])]


class UnitScorer:
    """Keeps the models and the metrics' weights from one unit to the next. ``words``: of each method, by its name."""

    def __init__(self, benchmark: Benchmark, words: dict[str, str]):
        self._benchmark, self._words = benchmark, words
        self._preset = preset_named(benchmark.preset)
        self._scorer = Scorer(self._preset, benchmark.lpips_weights)
        self._methods: dict[str, Method] = {}

    def __call__(self, unit: Unit, step: Callable[[], None]) -> list[Record]:
        """The unit's records, one a frame and one for the clip; ``step`` after every frame.

        A frame that cannot be scored is a record with ``error``.
        """
        clip = ClipFrames(folder=self._benchmark.folder, clip=unit.clip, numbers=range(unit.frames))
        temporal = TemporalScorer(self._preset, unit.clip.frame_rate) if unit.clip.frame_rate else None
        records: list[Record] = []
        whole = True
        for number, result in enumerate(triples(self._method(unit.method), clip)):
            try:
                if isinstance(result, Exception):
                    raise result
                test, reference, source = result
                scores = self._scorer(test, reference, source)
                if temporal is not None and whole:
                    temporal.add(test, reference, source)
                records.append(_record(unit, number, scores))
            except (UserError, ValueError) as error:
                whole = False
                records.append(_record(unit, number, {}, str(error)))
            step()
        if temporal is not None:
            records.append(_clip_record(unit, temporal if whole else None))
        return records

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            self._methods = {name: self._benchmark.method(self._words[name])}  # one model at a time
        return self._methods[name]


def triples(method: Method, clip: ClipFrames) -> Iterator[tuple[Tensor, Tensor, Tensor] | Exception]:
    """Prediction, reference and SDR [1,3,H,W] of every frame, or why there are none (UserError, ValueError).

    The clip is decoded once for the method and the caller; nothing is kept but what the method looks ahead.
    """
    frames, given = tee(clip)
    predictions = method.predictions(clip.clip, given)
    ended: Exception | None = None
    for number in clip.numbers:
        if ended is not None:
            yield ended
            continue
        try:
            frame = next(frames)
        except (UserError, ValueError) as error:  # a clip that cannot be decoded on
            ended = error
            yield ended
            continue
        try:
            yield _triple(method, frame, next(predictions))
        except StopIteration:
            yield UserError(f"{method.name} gives no prediction for frame {number} of {clip.clip.name}")
        except (UserError, ValueError) as error:
            yield error


def _triple(method: Method, frame: Frame, prediction: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    reference, source = frame.reference_pq, torch.from_numpy(np.ascontiguousarray(frame.coded))[None]
    if prediction.shape != reference.shape[1:]:
        raise UserError(f"{method.name} predicts {_size(prediction)}, {frame.reference} is {_size(reference)}")
    if source.shape != reference.shape:
        raise UserError(f"the SDR frame is {_size(source)}, {frame.reference} is {_size(reference)}")
    if not np.isfinite(prediction).all():
        raise UserError(f"{method.name} predicts NaN or infinite values")
    stored = np.floor(prediction.clip(0, 1) * np.float32(_CODES) + np.float32(0.5)) / np.float32(_CODES)
    return torch.from_numpy(stored.astype(np.float32))[None], reference, source


def _size(picture: Any) -> str:
    return f"{picture.shape[-1]}x{picture.shape[-2]}"


def _clip_record(unit: Unit, temporal: TemporalScorer | None) -> Record:
    if temporal is None:
        return _record(unit, None, {}, "temporal scores need every frame, and some were not scored")
    try:
        return _record(unit, None, temporal.scores() | {"tracks": temporal.tracks()})
    except UserError as error:
        return _record(unit, None, {}, str(error))


def _record(unit: Unit, frame: int | None, scores: dict[str, Any], error: str | None = None) -> Record:
    clip = unit.clip
    return Record(
        method=unit.method,
        clip=clip.name,
        sequence=clip.sequence,
        scene=clip.scene,
        split=clip.split,
        content=clip.content,
        rendering=clip.rendering,
        crf=clip.crf,
        frame=frame,
        scores={key: "infinite" if value == math.inf else value for key, value in scores.items()},
        error=error,
    )
