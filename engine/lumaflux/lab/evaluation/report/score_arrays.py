"""A run's records as arrays, one a score key: [methods, units]; a unit is a frame, or a clip for temporal scores."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.records import Record
from lumaflux.lab.evaluation.report.directions import in_order

Floats = NDArray[np.float64]


class Status(IntEnum):
    """What a record says under a key. ABSENT: there is no record, or it failed, or it has no such key."""

    ABSENT = 0
    NUMBER = 1
    MEANINGLESS = 2
    INFINITE = 3
    UNAVAILABLE = 4


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    name: str
    sequence: str
    scene: str
    split: str
    content: str
    rendering: str
    crf: int | None


@dataclass(frozen=True, kw_only=True)
class ScoreArrays:
    """``units`` are (clip index, frame or None), sorted by clip; ``values[key]`` is NaN wherever ``status[key]`` is
    not NUMBER. ``told`` [methods, units]: the method is the inverse of the clip's own rendering. ``failures`` are the
    records with an error, ``tracks`` the level tracks by (method, clip name)."""

    methods: tuple[str, ...]
    clips: tuple[ClipFacts, ...]
    keys: tuple[str, ...]
    units: tuple[tuple[int, int | None], ...]
    values: dict[str, Floats]
    status: dict[str, NDArray[np.int8]]
    told: NDArray[np.bool_]
    failures: tuple[Record, ...]
    tracks: dict[tuple[str, str], dict[str, Any]]

    def fair(self, key: str) -> Floats:
        """``values[key]`` without what a method was told."""
        return np.where(self.told, np.nan, self.values[key])

    def clip_means(self, frame_values: Floats) -> Floats:
        """[n, units] -> [n, clips]: the mean of the finite values of a clip's frames, NaN where there is none."""
        finite = np.isfinite(frame_values)
        starts = np.searchsorted([clip for clip, _ in self.units], np.arange(len(self.clips)))
        sums = np.add.reduceat(np.where(finite, frame_values, 0.0), starts, axis=1)
        counts = np.add.reduceat(finite, starts, axis=1, dtype=np.int64)
        with np.errstate(invalid="ignore"):
            return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def scene_of_clip(self) -> NDArray[np.int64]:
        """[clips]: the index of each clip's scene in alphabetical order."""
        return np.unique([clip.scene for clip in self.clips], return_inverse=True)[1].astype(np.int64)

    def frames(self) -> list[int]:
        """The indices of the units that are frames."""
        return [unit for unit, (_, frame) in enumerate(self.units) if frame is not None]


def score_arrays(
    records: Iterable[Record], method_order: Sequence[str] = (), told: Mapping[str, str] | None = None
) -> ScoreArrays:
    """Where a run was resumed and a record is there twice, the later one counts.

    Methods stand in ``method_order``, others follow as they came; ``told`` is the rendering that a method undoes.
    Raises UserError when there are no records.
    """
    latest = {(record.method, record.clip, record.frame): record for record in records}
    if not latest:
        raise UserError("the run has no records, so there is nothing to report; run the benchmark first")
    rows = list(latest.values())
    clips = tuple(sorted({_facts(row).name: _facts(row) for row in rows}.values(), key=lambda clip: clip.name))
    clip_index = {clip.name: index for index, clip in enumerate(clips)}
    found = list(dict.fromkeys(row.method for row in rows))
    methods = [name for name in dict.fromkeys(method_order) if name in found]
    methods += [name for name in found if name not in methods]
    method_index = {name: index for index, name in enumerate(methods)}
    units = sorted({(clip_index[row.clip], row.frame) for row in rows}, key=_clip_then_frame)
    unit_index = {unit: index for index, unit in enumerate(units)}
    keys = in_order(key for row in rows for key, value in row.scores.items() if not isinstance(value, dict | list))
    shape = (len(methods), len(units))
    values = {key: np.full(shape, np.nan) for key in keys}
    status = {key: np.full(shape, Status.ABSENT, np.int8) for key in keys}
    for row in rows:
        place = method_index[row.method], unit_index[clip_index[row.clip], row.frame]
        for key in row.scores.keys() & values.keys() if row.error is None else ():
            kind = _status(row.scores[key])
            status[key][place] = kind
            if kind is Status.NUMBER:
                values[key][place] = row.scores[key]
    return ScoreArrays(
        methods=tuple(methods),
        clips=clips,
        keys=tuple(keys),
        units=tuple(units),
        values=values,
        status=status,
        told=np.array([[clips[clip].rendering == (told or {}).get(name) for clip, _ in units] for name in methods]),
        failures=tuple(row for row in rows if row.error is not None),
        tracks={(row.method, row.clip): row.scores["tracks"] for row in rows if row.scores.get("tracks")},
    )


def _facts(row: Record) -> ClipFacts:
    return ClipFacts(
        name=row.clip,
        sequence=row.sequence,
        scene=row.scene,
        split=row.split,
        content=row.content,
        rendering=row.rendering,
        crf=row.crf,
    )


def _clip_then_frame(unit: tuple[int, int | None]) -> tuple[int, int]:
    return unit[0], -1 if unit[1] is None else unit[1]


def _status(value: Any) -> Status:
    if value == "unavailable":
        return Status.UNAVAILABLE
    if value == "infinite":
        return Status.INFINITE
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return Status.MEANINGLESS
    return Status.INFINITE if math.isinf(value) else Status.NUMBER
