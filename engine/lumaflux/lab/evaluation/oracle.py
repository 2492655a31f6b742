"""What a spline and a colour matrix could ever reach: fitted to each picture with its reference in hand.

A monotone curve of the SDR luma (isotonic least squares in PQ), colour ratios kept, then the 3x3 matrix that brings the
PQ signal nearest to the reference's.
"""

import numpy as np

from lumaflux.lab.evaluation.static_curve import fit_static_curve


def oracle(sdr: np.ndarray, reference_pq: np.ndarray, *, matrix: bool = True) -> np.ndarray:
    """SDR and its reference [3,H,W] -> the best prediction of this family, PQ/BT.2020 float32 [3,H,W]."""
    curve = fit_static_curve([(sdr[None], reference_pq[None])], "luma")
    placed = curve(sdr[None])[0]
    if matrix:
        signal, wanted = (picture.reshape(3, -1).astype(np.float64) for picture in (placed, reference_pq))
        fitted = np.linalg.lstsq(signal.T, wanted.T, rcond=None)[0].T
        placed = np.einsum("ij,jhw->ihw", fitted, placed)
    return placed.clip(0, 1).astype(np.float32)
