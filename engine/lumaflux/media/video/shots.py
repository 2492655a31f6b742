"""Where a video cuts: between frames whose luma histograms differ more than anything near them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lumaflux.color.primaries import luminance

Signature = NDArray[np.float64]

_BINS = 64
_LEAST = 0.25  # of the histograms' mass must move, and
_TIMES = 3.0  # as often as much as the median change around
AROUND = 8  # changes on either side of one, which decide on it


def signature(signal: NDArray[np.float32]) -> Signature:
    """A frame's [_BINS] histogram of luma, smoothed over neighbouring bins; sums to 1.

    ``signal``: non-linear R'G'B' [3,H,W] in [0,1], SDR or PQ.
    """
    counts = np.histogram(luminance(signal), bins=_BINS, range=(0, 1))[0].astype(np.float64)
    spread = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    return spread / max(spread.sum(), 1)


def change(before: Signature, after: Signature) -> float:
    """Share of the histogram's mass that moves from a frame to the next, in [0,1]."""
    return float(np.abs(after - before).sum() / 2)


def could_cut(step: float) -> bool:
    """Whether a ``change`` is large enough for a cut, whatever is near it."""
    return step > _LEAST


def find_shots(signatures: Sequence[Signature]) -> list[range]:
    """The frame numbers of each shot, in order; together they are all frames."""
    return shots_between([change(before, after) for before, after in pairwise(signatures)]) if len(signatures) else []


def shots_between(changes: Sequence[float]) -> list[range]:
    """The same from the ``change`` of every frame to the next, one fewer than there are frames."""
    steps = np.asarray(changes, dtype=np.float64)
    cuts = [0, *(index + 1 for index in range(len(steps)) if find_cut(steps, index))]
    return [range(start, end) for start, end in zip(cuts, [*cuts[1:], len(steps) + 1], strict=True)]


def find_cut(changes: Sequence[float] | NDArray[np.float64], index: int) -> bool:
    """Whether the video cuts at ``changes[index]``; the eight changes on either side of it decide."""
    step = changes[index]
    if not could_cut(step):
        return False
    around = [*changes[max(0, index - AROUND) : index], *changes[index + 1 : index + AROUND + 1]]
    return bool(step > _TIMES * (float(np.median(around)) if around else 0.0))
