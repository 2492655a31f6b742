"""Where a video cuts: between frames whose luminance histograms differ more than anything near them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.color.primaries import luminance

_BINS = 64
_LEAST = 0.25  # of the histograms' mass must move, and
_TIMES = 3.0  # as often as much as the median change around
_AROUND = 8  # frames on either side


def signature(hdr_pq: NDArray[np.float32]) -> NDArray[np.float64]:
    """A frame's [_BINS] histogram of PQ luma, smoothed over neighbouring bins; sums to 1."""
    counts = np.histogram(luminance(hdr_pq), bins=_BINS, range=(0, 1))[0].astype(np.float64)
    spread = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    return spread / max(spread.sum(), 1)


def find_shots(signatures: Sequence[NDArray[np.float64]]) -> list[range]:
    """The frame numbers of each shot, in order; together they are all frames."""
    count = len(signatures)
    changes = np.array([np.abs(b - a).sum() / 2 for a, b in pairwise(signatures)])
    cuts = [0]
    for index, change in enumerate(changes):
        around = np.delete(changes[max(0, index - _AROUND) : index + _AROUND + 1], min(index, _AROUND))
        usual = float(np.median(around)) if around.size else 0.0
        if change > _LEAST and change > _TIMES * usual:
            cuts.append(index + 1)
    return [range(start, end) for start, end in zip(cuts, [*cuts[1:], count], strict=True) if end > start]
