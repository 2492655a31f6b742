"""The baseline every learned converter must beat: one static monotone curve, fitted to pairs by least squares in PQ.

Two families: per channel (R, G and B of linearised BT.2020 share one curve) and luma (a curve on luminance, colour
ratios kept). Inputs are binned by their BT.1886 signal, averaged, and made monotone by pool-adjacent-violators.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import luminance
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.errors import UserError

Family = Literal["channel", "luma"]
_BINS = 256
FITTED = Path(__file__).parent / "static_curve.json"  # fitted by `lumaflux luma-eval fit-curve`; its recipe is inside
_CEILING_PQ = 0.7518271  # 1000 nit, the peak of the masters


def isotonic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-decreasing sequence nearest to ``values`` in weighted least squares (pool adjacent violators)."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value2, weight2, length2 = blocks.pop()
            value1, weight1, length1 = blocks[-1]
            total = weight1 + weight2
            blocks[-1] = [(value1 * weight1 + value2 * weight2) / total, total, length1 + length2]
    return np.concatenate([np.full(int(length), value) for value, _, length in blocks])


@dataclass(frozen=True, kw_only=True)
class StaticCurve:
    """``signal`` [K] in [0,1], rising, and the PQ value ``pq`` [K] of each; straight lines in between."""

    family: Family
    signal: NDArray[np.float64]
    pq: NDArray[np.float64]

    def __call__(self, sdr: NDArray[np.float32]) -> NDArray[np.float32]:
        """SDR [...,3,H,W] in [0,1] -> PQ/BT.2020."""
        linear = sdr_to_linear2020(sdr)
        if self.family == "channel":
            return self._map(bt1886.inverse_eotf(linear, white_nits=1.0)).astype(np.float32)
        y = luminance(linear)
        nits = pq.eotf(self._map(bt1886.inverse_eotf(y, white_nits=1.0)))
        light = np.where(y > 0, linear * (nits / np.maximum(y, 1e-9)), nits)
        return pq.inverse_eotf(light).clip(0.0, _CEILING_PQ).astype(np.float32)

    def _map(self, signal: NDArray) -> NDArray[np.float64]:
        return np.interp(signal, self.signal, self.pq)


def fit_static_curve(pairs: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]], family: Family) -> StaticCurve:
    """Fits to pairs (SDR [...,3,H,W], PQ/BT.2020 [...,3,H,W]). Raises ValueError when there is not one pixel."""
    count, total, place = np.zeros(_BINS), np.zeros(_BINS), np.zeros(_BINS)
    for sdr, hdr_pq in pairs:
        linear = sdr_to_linear2020(sdr)
        if family == "luma":
            linear, target = luminance(linear), pq.inverse_eotf(luminance(pq.eotf(hdr_pq)))
        else:
            target = hdr_pq
        signal = bt1886.inverse_eotf(linear, white_nits=1.0).ravel().clip(0.0, 1.0)
        index = np.rint(signal * (_BINS - 1)).astype(int)
        count += np.bincount(index, minlength=_BINS)
        total += np.bincount(index, weights=target.ravel(), minlength=_BINS)
        place += np.bincount(index, weights=signal, minlength=_BINS)
    seen = count > 0
    if not seen.any():
        raise ValueError("a static curve cannot be fitted to no pixels")
    curve = isotonic(total[seen] / count[seen], count[seen])
    return StaticCurve(family=family, signal=place[seen] / count[seen], pq=curve)


def write_curve(target: Path, curve: StaticCurve, recipe: dict[str, Any]) -> None:
    """JSON with ``family``, ``signal``, ``pq`` and the ``recipe`` that made it, whole or not at all."""
    from lumaflux.media.atomic_file import AtomicFile

    content = {
        "family": curve.family,
        "recipe": recipe,
        "signal": [round(float(value), 6) for value in curve.signal],
        "pq": [round(float(value), 6) for value in curve.pq],
    }
    with AtomicFile(target, overwrite=True) as file:
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
        file.partial.write_text(f"{{\n{lines}\n}}\n")


def read_curve(path: Path) -> StaticCurve:
    """Raises UserError when ``path`` holds no curve."""
    try:
        content = json.loads(path.read_text())
        signal, values = (np.array(content[key], dtype=np.float64) for key in ("signal", "pq"))
        family = content["family"]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it by: lumaflux luma-eval fit-curve") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} holds no fitted curve; make one with: lumaflux luma-eval fit-curve") from None
    rising = len(signal) > 1 and (np.diff(signal) > 0).all() and (np.diff(values) >= 0).all()
    inside = all(((ends >= 0) & (ends <= 1)).all() for ends in (signal, values))
    if family not in get_args(Family) or signal.shape != values.shape or signal.ndim != 1 or not (rising and inside):
        raise UserError(f"{path} holds no rising curve from [0,1] to [0,1]; fit it again")
    return StaticCurve(family=family, signal=signal, pq=values)


def oracle(sdr: np.ndarray, reference_pq: np.ndarray, *, matrix: bool = True) -> np.ndarray:
    """SDR and its reference [3,H,W] -> the best that a spline and a color matrix reach, PQ/BT.2020 float32 [3,H,W].

    A monotone curve of the SDR luma (isotonic least squares in PQ), color ratios kept, then the 3x3 matrix that brings
    the PQ signal nearest to the reference's.
    """
    curve = fit_static_curve([(sdr[None], reference_pq[None])], "luma")
    placed = curve(sdr[None])[0]
    if matrix:
        signal, wanted = (picture.reshape(3, -1).astype(np.float64) for picture in (placed, reference_pq))
        fitted = np.linalg.lstsq(signal.T, wanted.T, rcond=None)[0].T
        placed = np.einsum("ij,jhw->ihw", fitted, placed)
    return placed.clip(0, 1).astype(np.float32)
