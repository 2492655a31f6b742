"""Pictures of linear light (EXR) read as SDR: repaired, brought to BT.709, encoded for BT.1886."""

from typing import Any

import numpy as np

from lumaflux.color import bt1886
from lumaflux.color.primaries import ACES_AP0, ACES_AP1, BT709, BT2020, P3_D65, Primaries, apply_matrix, rgb_to_rgb
from lumaflux.media.metadata.coding_points import CHROMATICITIES

NAMED = {
    "bt709": BT709,
    "bt2020": BT2020,
    "p3-d65": P3_D65,
    "aces-ap0": ACES_AP0,
    "aces-ap1": ACES_AP1,
    "adobe-rgb": CHROMATICITIES["adobe-rgb"],
    "xyz": CHROMATICITIES["xyz"],
}
_SAME = 0.002  # between chromaticities of one set of primaries, as files round them


def primaries_of(chromaticities: Any) -> Primaries | None:
    """Of an EXR file's eight floats; None where they are absent or no triangle."""
    values = [float(value) for value in chromaticities or ()]
    if len(values) != 8 or not np.isfinite(values).all():
        return None
    points = [(values[i], values[i + 1]) for i in range(0, 8, 2)]
    (xr, yr), (xg, yg), (xb, yb), _ = points
    area = abs((xg - xr) * (yb - yr) - (xb - xr) * (yg - yr))
    if area < 1e-3 or points[3][1] < 1e-3:
        return None
    return Primaries(red=points[0], green=points[1], blue=points[2], white=points[3])


def name_of(primaries: Primaries) -> str:
    """The name of these primaries, ``custom`` for others."""
    for name, known in NAMED.items():
        pairs = zip(
            (*primaries.red, *primaries.green, *primaries.blue, *primaries.white),
            (*known.red, *known.green, *known.blue, *known.white),
            strict=True,
        )
        if all(abs(a - b) < _SAME for a, b in pairs):
            return name
    return "custom"


def repaired(values: np.ndarray, *, negative: bool = False) -> tuple[np.ndarray, list[str]]:
    """``values`` without NaN, infinities and (unless allowed) negatives, and a sentence for each kind there was."""
    notes = []
    for kind, where, put in (
        ("NaN", np.isnan(values), 0.0),
        ("infinite", np.isinf(values), np.finfo(np.float16).max),
        ("negative", (values < 0) & (not negative), 0.0),
    ):
        count = int(np.count_nonzero(where))
        if count:
            values = np.where(where, np.float32(put), values)
            notes.append(f"{count} {kind} values were set to {put:g}.")
    return values, notes


def sdr_of_linear(light: np.ndarray, primaries: Primaries) -> tuple[np.ndarray, list[str]]:
    """R'G'B' for BT.1886 [3,H,W] of relative light [3,H,W], 1 being white; and what was done to it, in sentences."""
    light, notes = repaired(light)
    if primaries != BT709:
        light = apply_matrix(rgb_to_rgb(primaries, BT709), light)
    notes += _clipped(light, axis=0)
    return bt1886.inverse_eotf(light.clip(0, 1), white_nits=1.0).astype(np.float32), notes


def in_range(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Floating-point values [H,W,channels] of a picture that has codes elsewhere, repaired and in [0, 1]; and what was
    done to them, in sentences."""
    values, notes = repaired(values)
    notes += _clipped(values[..., :3], axis=-1)
    return values.clip(0, 1), notes


def _clipped(values: np.ndarray, axis: int) -> list[str]:
    over = int(np.count_nonzero(values.max(axis=axis) > 1.001))
    return [f"{over} pixels brighter than white were clipped: the picture is read as SDR."] if over else []
