"""The HDR10+ curve of a scene (profile B) that gives its SDR grade back, by least squares over the scene's pixels."""

import numpy as np

from lumaflux.color import bt1886, pq
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.color.st2094_40 import ANCHOR_UNITS, KNEE_UNITS, GuidedMapping, bernstein, beyond_knee, shown_peak

ANCHORS = 9  # as many as version 1 of the application has
_BINS = 4096  # of the PQ signal: four to a 10-bit code
_KNEES = (0, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)  # in 1/4095 of the scene's peak
_ROUNDS = 4  # of weights: light is fitted, codes are meant
_DARKEST = 1e-5  # of white; below it the slope of the display's gamma is held
_TO_IDENTITY = 1e-5  # weight of the straight line, which decides where a scene has no pixels
_ONE = 1e4  # weight of the condition that the steps sum to 1


class GradePairs:
    """Pixels of HDR pictures and of the SDR that each was made of: a histogram of max(R,G,B) with the mean SDR code
    of each bin. Its memory does not grow with the scene."""

    def __init__(self) -> None:
        self.counts, self._codes = np.zeros(_BINS), np.zeros(_BINS)

    def add(self, hdr_pq: np.ndarray, sdr: np.ndarray) -> None:
        """PQ BT.2020 R'G'B' and BT.709 R'G'B', both [3,H,W] in [0,1]. Raises ValueError for two sizes."""
        if hdr_pq.shape != sdr.shape:
            raise ValueError(f"The pictures have the shapes {hdr_pq.shape} and {sdr.shape}.")
        bins = (hdr_pq.max(axis=0).clip(0, 1) * (_BINS - 1) + 0.5).astype(np.intp).ravel()
        codes = bt1886.inverse_eotf(sdr_to_linear2020(sdr).max(axis=0), white_nits=1.0).ravel()
        self.counts += np.bincount(bins, minlength=_BINS)
        self._codes += np.bincount(bins, codes, _BINS)

    def take(self, other: "GradePairs") -> None:
        """Take in what another one has seen."""
        self.counts += other.counts
        self._codes += other._codes

    def mapping(self, peak_nits: float, target_nits: int) -> GuidedMapping:
        """The curve from a scene whose largest R, G or B is ``peak_nits`` to a display of ``target_nits``, at which SDR
        white is as bright as the display's peak.

        The best of several knees; for each the points of the curve, whose steps are 0 or more (so it never falls) and
        sum to 1. Errors count in SDR codes. Raises ValueError before the first pixel.
        """
        seen = self.counts > 0
        if not seen.any():
            raise ValueError("No picture has been added yet.")
        counts = self.counts[seen]
        codes = self._codes[seen] / counts
        light = (pq.eotf(np.flatnonzero(seen) / (_BINS - 1)) / peak_nits).clip(0, 1)
        scale = target_nits / shown_peak(target_nits, peak_nits)  # of SDR light to where the scene's peak goes
        best, least = None, np.inf
        for knee_x in _KNEES:
            made = _fitted(light, codes, counts, knee_x, scale, target_nits)
            off = counts @ (_codes_of(made.relative(light), scale) - codes) ** 2
            if off < least * (1 - 1e-6):
                best, least = made, off
        assert best is not None
        return best


def _codes_of(shown: np.ndarray, scale: float) -> np.ndarray:
    return bt1886.inverse_eotf(shown / scale, white_nits=1.0)


def _fitted(
    light: np.ndarray, codes: np.ndarray, counts: np.ndarray, knee_x: int, scale: float, target_nits: int
) -> GuidedMapping:
    """With that knee. In the points C = Ky + (1 - Ky) P the curve is linear: C0 is the knee's height."""
    x = knee_x / KNEE_UNITS
    points = bernstein(beyond_knee(light, x), ANCHORS + 1)
    if knee_x:
        points[light < x] = 0
        points[:, 0] = np.where(light < x, light / x, points[:, 0])
    first = 0 if knee_x else 1  # without a knee the curve begins at 0
    rows = np.cumsum(points[:, ::-1], axis=1)[:, ::-1][:, first:]  # of the steps from point to point
    wanted = (bt1886.eotf(codes, white_nits=1.0) * scale).clip(0, 1)
    line = np.linspace(x, 1, ANCHORS + 2)
    straight = np.diff(line, prepend=0) if knee_x else np.diff(line)
    shown, steps = wanted, straight
    for _ in range(_ROUNDS):
        middle = np.maximum((shown + wanted) / 2 / scale, _DARKEST)
        weights = counts * (middle ** (1 / bt1886.GAMMA - 1) / bt1886.GAMMA) ** 2
        weights /= weights.sum()
        square, aim = rows.T @ (rows * weights[:, None]), rows.T @ (wanted * weights)
        size = float(np.trace(square))
        keep, one = _TO_IDENTITY * size, _ONE * size
        steps = _non_negative(square + keep * np.eye(len(square)) + one, aim + keep * straight + one)
        steps /= steps.sum()
        shown = rows @ steps
    curve = np.cumsum(steps)
    height = curve[0] if knee_x else 0.0
    knee_y = min(round(height * KNEE_UNITS), KNEE_UNITS - 1)
    low = knee_y / KNEE_UNITS
    inner = curve[1 - first : -1]
    anchors = np.rint(((inner - low) / (1 - low)).clip(0, 1) * ANCHOR_UNITS).astype(int)
    return GuidedMapping(target_nits=target_nits, knee=(knee_x, knee_y), anchors=tuple(anchors.tolist()))


def _non_negative(square: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """The x of 0 or more with the least x'Sx / 2 - a'x, S positive definite: Lawson and Hanson, Solving Least Squares
    Problems (1974), chapter 23, on the normal equations."""
    x, free = np.zeros(len(aim)), np.zeros(len(aim), bool)
    tolerance = 1e-9 * float(np.abs(aim).max())
    for _ in range(10 * len(aim)):
        slope = np.where(free, -np.inf, aim - square @ x)
        if slope.max() <= tolerance:
            break
        free[int(slope.argmax())] = True
        while True:
            solved = np.zeros(len(aim))
            solved[free] = np.linalg.solve(square[np.ix_(free, free)], aim[free])
            bad = free & (solved <= 0)
            if not bad.any():
                break
            x = x + float((x[bad] / (x[bad] - solved[bad])).min()) * (solved - x)
            free &= x > 1e-12
            x[~free] = 0
        x = solved
    return x
