"""What scopes count in a frame of light: waveform, chromaticity and histogram, and how much lies outside of a gamut."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.color.primaries import (
    BT709,
    BT2020,
    P3_D65,
    Chromaticity,
    apply_matrix,
    luminance,
    rgb_to_rgb,
    rgb_to_xyz,
)
from lumaflux.media.metadata.light_levels import LightLevels

Light = NDArray[np.float32]  # BT.2020 [3,H,W] in cd/m2
Counts = NDArray[np.int64]
GAMUTS = {"BT.709": BT709, "P3-D65": P3_D65, "BT.2020": BT2020}
U_RANGE, V_RANGE = (0.0, 0.63), (0.0, 0.60)  # of the CIE 1976 diagram
_DARK_NITS = 0.5  # below it a pixel's chromaticity is noise
_OUTSIDE = 0.002  # of the largest channel: what rounding to 10 bits puts outside does not count


def waveform(nits: Light, columns: int = 640, rows: int = 320) -> Counts:
    """Pixels by place across the picture and by PQ: [3,rows,columns] for R, G, B; row 0 is 10,000 cd/m2."""
    width = nits.shape[2]
    column = np.arange(width) * columns // width
    bins = np.empty((3, rows, columns), np.int64)
    for index, signal in enumerate(pq.inverse_eotf(nits)):
        row = (rows - 1) - np.rint(signal.clip(0, 1) * (rows - 1)).astype(np.int64)
        counted = np.bincount((row * columns + column[None]).ravel(), minlength=rows * columns)
        bins[index] = counted.reshape(rows, columns)
    return bins


def chromaticity(nits: Light, columns: int = 420, rows: int = 400) -> Counts:
    """Pixels by u' (to the right) and v' (up), CIE 1976: [rows,columns]; pixels below 0.5 cd/m2 are left out."""
    xyz = apply_matrix(rgb_to_xyz(BT2020), nits.astype(np.float64))
    x, y, z = xyz[:, xyz[1] > _DARK_NITS]
    scale = (x + 15 * y + 3 * z).clip(1e-9, None)
    u, v = 4 * x / scale, 9 * y / scale
    column = ((u - U_RANGE[0]) / (U_RANGE[1] - U_RANGE[0]) * columns).astype(np.int64).clip(0, columns - 1)
    row = (rows - 1) - ((v - V_RANGE[0]) / (V_RANGE[1] - V_RANGE[0]) * rows).astype(np.int64).clip(0, rows - 1)
    return np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)


def histogram(nits: Light, bins: int = 256) -> Counts:
    """Pixels by the PQ of their luminance, from 0 to 10,000 cd/m2: [bins]."""
    signal = pq.inverse_eotf(luminance(nits)[0]).clip(0, 1)
    return np.bincount((signal * (bins - 1) + 0.5).astype(np.int64).ravel(), minlength=bins)


def u_v_prime(xy: Chromaticity) -> tuple[float, float]:
    """CIE 1976 u', v' of CIE 1931 x, y."""
    x, y = xy
    return 4 * x / (-2 * x + 12 * y + 3), 9 * y / (-2 * x + 12 * y + 3)


@dataclass(frozen=True, kw_only=True)
class LightFacts:
    """Of a frame, in cd/m2: ``max_cll`` is the largest max(R,G,B), ``frame_average`` its mean. ``exposure``: stops of
    the median luminance over 26 cd/m2, where 18 % grey lies below a 203 cd/m2 white (BT.2408-7 Table 1).
    ``outside_709`` and ``outside_p3``: percent of the pixels above 0.5 cd/m2 whose color has no place there."""

    max_cll: float
    frame_average: float
    median: float
    percentile_99: float
    above_203: float
    exposure: float
    outside_709: float
    outside_p3: float


GREY_NITS = 26.0


def light_facts(nits: Light) -> LightFacts:
    """Of one frame."""
    levels = LightLevels()
    levels.add_nits(nits)
    y = luminance(nits)[0]
    median = float(np.median(y))
    return LightFacts(
        max_cll=levels.max_cll_nits,
        frame_average=levels.max_fall_nits,
        median=median,
        percentile_99=levels.percentile_nits(99),
        above_203=100 * float((nits.max(axis=0) > 203.0).mean()),
        exposure=float(np.log2(max(median, 1e-3) / GREY_NITS)),
        outside_709=_outside(nits, y, "BT.709"),
        outside_p3=_outside(nits, y, "P3-D65"),
    )


def _outside(nits: Light, y: NDArray[np.float32], gamut: str) -> float:
    lit = y > _DARK_NITS
    if not lit.any():
        return 0.0
    inside = apply_matrix(rgb_to_rgb(BT2020, GAMUTS[gamut]), nits)
    out = inside.min(axis=0) < -_OUTSIDE * nits.max(axis=0)
    return 100 * float((out & lit).sum() / lit.sum())
