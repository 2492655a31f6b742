"""Which frame of a file a host's frame shows, by its picture: for clips that were trimmed, renumbered or retimed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.errors import UserError

_ROWS, _COLUMNS = 9, 16
LEAST_LIKENESS = 0.9  # correlation of thumbnails: scalers, grain and a grade before the effect stay above it
_EQUAL = 1e-4  # of mean likeness: offsets within a held picture
_INSTEAD = "leave Source file empty, so that the host's own frames are analysed"


@dataclass(frozen=True)
class Sample:
    """A frame that the host showed: its number there, and its thumbnail."""

    frame: int
    thumbnail: np.ndarray


def thumbnail(sdr: np.ndarray) -> np.ndarray:
    """9 x 16 means of luma of SDR [3,H,W], less their mean and of length 1: float32 [144]. A flat picture's is 0."""
    luma = np.asarray(luminance(sdr, BT709_LUMA))[0]
    rows = np.linspace(0, luma.shape[0], _ROWS + 1).astype(int)
    columns = np.linspace(0, luma.shape[1], _COLUMNS + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(luma, np.minimum(rows[:-1], luma.shape[0] - 1), 0), columns[:-1], 1)
    counts = np.outer(np.maximum(np.diff(rows), 1), np.maximum(np.diff(columns), 1))
    means = (sums / counts).astype(np.float32).ravel()
    means -= means.mean()
    length = float(np.linalg.norm(means))
    return means / length if length > 1e-3 * (_ROWS * _COLUMNS) ** 0.5 else np.zeros_like(means)


def file_start(samples: Sequence[Sample], film: np.ndarray, first: int, name: str) -> int:
    """The host's frame at which the file's first would stand.

    ``film``: thumbnails of all frames of the file, [frames, 144]. ``first``: the host's first frame; of places that
    look alike the one is taken at which the file's first frame stands there, or else at the host's frame 0.

    Raises UserError when the host's frames are not those of the file, or follow each other at another speed.
    """
    seen = np.stack([sample.thumbnail for sample in samples]).astype(np.float32)
    numbers = np.array([sample.frame for sample in samples])
    likeness = seen @ film.T.astype(np.float32)
    likeness[~seen.any(1)] = np.where(film.any(1), 0.0, 1.0)  # flat pictures are like each other
    starts = np.arange(numbers.max() - len(film) + 1, numbers.min() + 1)
    if len(starts):
        rows = np.arange(len(samples))
        found = np.stack([likeness[rows, numbers - start] for start in starts])
        means = found.mean(1)
        alike = starts[(means >= means.max() - _EQUAL) & (found.min(1) >= LEAST_LIKENESS)]
        if len(alike):
            return next((wish for wish in (first, 0) if wish in alike), int(alike[np.abs(alike - first).argmin()]))
    raise UserError(_why_not(samples, likeness, numbers, name))


def _why_not(samples: Sequence[Sample], likeness: np.ndarray, numbers: np.ndarray, name: str) -> str:
    best, places = likeness.max(1), likeness.argmax(1)
    if (best >= LEAST_LIKENESS).all() and len(samples) > 2:
        speed, _ = np.polyfit(numbers, places, 1)
        return f"the host plays {name} at {speed:.3g} times its speed, and a tone track counts its frames; {_INSTEAD}"
    worst = samples[int(best.argmin())].frame
    return f"the host's frame {worst} shows no frame of {name}; name the file of this clip, or {_INSTEAD}"
