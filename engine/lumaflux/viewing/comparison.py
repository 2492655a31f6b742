"""How far two conversions lie apart: Delta-E-ITP (BT.2124) and PSNR of the PQ signal, frame by frame, and where."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import ictcp, pq
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight

_STEP, _BINS = 0.02, 50_000  # of Delta-E-ITP: up to 1000, in which percentiles are found


@dataclass
class Differences:
    """Of all pixels of ``frames`` frames. ``worst`` is the frame with the largest mean, numbered as in the first file;
    ``map`` its Delta-E-ITP [H,W]. ``psnr`` is infinite for equal pictures."""

    first: Path
    second: Path
    frames: int = 0
    mean: float = 0.0
    worst: int = 0
    worst_mean: float = -1.0
    map: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    notes: list[str] = field(default_factory=list)
    _squares: float = 0.0
    _histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    @property
    def psnr(self) -> float:
        """Of PQ R'G'B' in [0,1], in dB."""
        mean = self._squares / max(self.frames, 1)
        return float("inf") if mean == 0 else float(-10 * np.log10(mean))

    def percentile(self, percent: float) -> float:
        """The Delta-E-ITP below which ``percent`` of all pixels lie, to 0.02."""
        counts = np.cumsum(self._histogram)
        return _STEP * int(np.searchsorted(counts, counts[-1] * percent / 100))

    def add(self, number: int, first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
        """A frame of light [3,H,W] in cd/m2 of each."""
        difference = np.asarray(ictcp.delta_e_itp(first, second), np.float32)
        signals = [np.asarray(pq.inverse_eotf(each), np.float64) for each in (first, second)]
        self._squares += float(np.mean((signals[0] - signals[1]) ** 2))
        bins = np.rint(difference / _STEP).astype(np.int64).clip(0, _BINS - 1)
        self._histogram += np.bincount(bins.ravel(), minlength=_BINS)
        mean = float(difference.mean(dtype=np.float64))
        self.mean += (mean - self.mean) / (self.frames + 1)
        self.frames += 1
        if mean > self.worst_mean:
            self.worst, self.worst_mean, self.map = number, mean, difference


def compare(
    first: Path,
    second: Path,
    *,
    frame: int | None = None,
    limit: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Differences:
    """Compares frame by frame in order, or the ``frame`` alone; of clips at most ``limit`` frames.

    Raises UserError for pictures of different sizes, and for files that cannot be read.
    """
    if limit is not None and limit < 1:
        raise UserError(f"the limit is {limit} frames; it must be at least 1")
    sources = [DisplayLight(path) for path in (first, second)]
    sizes = [f"{each.info.width}x{each.info.height}" for each in sources]
    if sizes[0] != sizes[1]:
        raise UserError(f"{first} has {sizes[0]} pixels and {second} {sizes[1]}; compare pictures of one size")
    found = Differences(first=first, second=second)
    for each in sources:
        if each.is_sdr:
            found.notes.append(f"{each.path} is SDR; its white is taken as 203 cd/m2.")
    if frame is not None:
        one, other = (each.frame(frame) for each in sources)
        found.add(one.number, one.nits, other.nits)
        return found
    total = limit or (len(sources[0].numbers) if sources[0].numbers else sources[0].info.frame_count)
    for one, other in zip_longest(*(each.frames() for each in sources)):
        if one is None or other is None:
            shorter = sources[0 if one is None else 1]
            found.notes.append(f"{shorter.path} ends first; the {found.frames} frames that both have are compared.")
            break
        found.add(one.number, one.nits, other.nits)
        progress(found.frames, total)
        if found.frames == limit:
            break
    if not found.frames:
        raise UserError(f"{first} and {second} have no frames to compare")
    return found
