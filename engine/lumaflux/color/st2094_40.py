"""The guided tone mapping of SMPTE ST 2094-40 (HDR10+): a line to a knee, and from there a Bezier curve."""

import math
from dataclasses import dataclass

import numpy as np

KNEE_UNITS, ANCHOR_UNITS = 4095, 1023  # fields of 12 and of 10 bits
LARGEST_ANCHORS = 15  # a field of four bits counts them
_DARK = 1e-6  # of the scene's peak; below it a ratio of light means nothing


@dataclass(frozen=True, kw_only=True)
class GuidedMapping:
    """``knee`` (x, y) in 1/4095 and ``anchors`` in 1/1023, as the fields have them; ``target_nits``: the targeted
    system display's maximum luminance in cd/m2. Raises ValueError for values outside their fields."""

    target_nits: int
    knee: tuple[int, int]
    anchors: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.target_nits <= 10000:
            raise ValueError(f"A targeted display has 1 to 10000 cd/m2, not {self.target_nits}.")
        if not all(0 <= value <= KNEE_UNITS for value in self.knee):
            raise ValueError(f"A knee lies in 0 to {KNEE_UNITS}, not at {self.knee}.")
        if not 1 <= len(self.anchors) <= LARGEST_ANCHORS or not all(0 <= a <= ANCHOR_UNITS for a in self.anchors):
            raise ValueError(f"A curve has 1 to {LARGEST_ANCHORS} anchors of 0 to {ANCHOR_UNITS}, not {self.anchors}.")

    def relative(self, light: np.ndarray) -> np.ndarray:
        """Light relative to the scene's peak, in [0,1] -> relative to the display's, in [0,1].

        Up to the knee (Kx, Ky) the line through it; beyond it Ky + (1 - Ky) B(t), t = (x - Kx) / (1 - Kx), with the
        Bernstein polynomial B of the points 0, the anchors, 1.
        """
        knee_x, knee_y = (value / KNEE_UNITS for value in self.knee)
        rows = bernstein(beyond_knee(light, knee_x), len(self.anchors) + 1)
        points = np.array([0, *(anchor / ANCHOR_UNITS for anchor in self.anchors), 1])
        curved = knee_y + (1 - knee_y) * (rows @ points)
        return np.where(light < knee_x, light * (knee_y / knee_x if knee_x else 0.0), curved)

    def shown_nits(self, hdr_nits: np.ndarray, peak_nits: float) -> np.ndarray:
        """BT.2020 light [3,H,W] in cd/m2 of a scene whose largest R, G or B is ``peak_nits`` -> what the targeted
        display shows of it: max(R,G,B) through the curve, the channels' ratios kept. Where the scene is darker than
        the display, the curve ends at the scene's peak, for nothing is to be brightened up to the display's."""
        largest = (hdr_nits.max(axis=0) / peak_nits).clip(_DARK, 1)
        shown = self.relative(largest) * shown_peak(self.target_nits, peak_nits)
        return hdr_nits * (shown / (largest * peak_nits))


def shown_peak(target_nits: float, peak_nits: float) -> float:
    """Where a scene's peak goes on the targeted display."""
    return min(target_nits, peak_nits)


def beyond_knee(light: np.ndarray, knee_x: float) -> np.ndarray:
    """The parameter t in [0,1] of light in [0,1]; 0 up to the knee."""
    return ((light - knee_x) / max(1 - knee_x, 1 / KNEE_UNITS)).clip(0, 1)


def bernstein(t: np.ndarray, order: int) -> np.ndarray:
    """The polynomials of ``order`` at t [...] -> [..., order + 1]."""
    k = np.arange(order + 1)
    binomials = np.array([math.comb(order, each) for each in k], np.float64)
    t = np.asarray(t, np.float64)[..., None]
    return binomials * t**k * (1 - t) ** (order - k)
