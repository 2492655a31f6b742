"""How near the SDR comes back after ``--sdr-exact``: of frames of every shot, against the source."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lumaflux.errors import UserError

_OF_A_SHOT, _IN_ALL = 12, 240  # frames that are compared; of every shot at least one


class RestoredError:
    """Sums over pictures: ``largest`` error in codes of 8 bits, ``frames`` that were added."""

    def __init__(self) -> None:
        self._squares, self._samples = 0.0, 0
        self.largest = self.frames = 0

    def add(self, restored: np.ndarray, source: np.ndarray) -> None:
        """Two pictures of one shape, R'G'B' in [0,1], each rounded to codes of 8 bits."""
        codes = (np.floor(picture * 255 + 0.5).astype(np.int16) for picture in (restored, source))
        error = np.abs(np.subtract(*codes))
        self._squares += float((error.astype(np.float64) ** 2).sum())
        self._samples += error.size
        self.largest = max(self.largest, int(error.max()))
        self.frames += 1

    @property
    def psnr(self) -> float:
        """In dB over R'G'B' of 8 bits; infinity where all are identical."""
        return math.inf if self._squares == 0 else 10 * math.log10(255**2 * self._samples / self._squares)

    def figures(self) -> dict[str, Any]:
        return {"psnr": self.psnr, "largest_error": float(self.largest), "frames": self.frames}


def compared_frames(shots: Sequence[range]) -> list[int]:
    """Which frames are compared: of every shot its first, its last, and as many between, evenly spaced."""
    each = min(_OF_A_SHOT, max(1, _IN_ALL // max(1, len(shots))))
    chosen: set[int] = set()
    for shot in shots:
        places = np.linspace(0, len(shot) - 1, min(each, len(shot))).round()
        chosen.update(shot[int(place)] for place in places)
    return sorted(chosen)


def restored_figures(
    numbers: Sequence[int], shots: Sequence[range], restored: Iterable[np.ndarray], sources: Iterable[np.ndarray]
) -> dict[str, Any]:
    """What a report says of the frames ``numbers``, whose pictures come in that order: the whole and, under ``shots``,
    each shot with its ``first`` and ``last`` frame. Raises UserError where pictures are missing."""
    whole, own = RestoredError(), [RestoredError() for _ in shots]
    try:
        for number, made, wanted in zip(numbers, restored, sources, strict=True):
            whole.add(made, wanted)
            for shot, error in zip(shots, own, strict=True):
                if number in shot:
                    error.add(made, wanted)
    except ValueError as error:
        raise UserError(
            f"the frames cannot be compared with the source ({error}); has one of the files changed?"
        ) from None
    rows = [{"first": shot[0], "last": shot[-1], **error.figures()} for shot, error in zip(shots, own, strict=True)]
    return {**whole.figures(), "shots": rows}
