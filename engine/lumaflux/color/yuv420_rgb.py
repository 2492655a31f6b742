"""R'G'B' of the 4:2:0 codes that a decoder gives; ``native/cpu/yuv420_rgb.cpp`` is its accelerator."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lumaflux.color.chroma_siting import upsample_420
from lumaflux.color.ycbcr import code_scales, from_codes, ycbcr_to_rgb
from lumaflux.threads import THREADS

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None


class Yuv420(NamedTuple):
    """4:2:0 codes as the native routines take them: planes as for :func:`rgb_from_yuv420`, ``scales`` by
    ``code_scales``, ``midway``: chroma lies between two rows of luma ("left")."""

    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray
    scales: tuple[float, float, float, float]
    luma: tuple[float, float, float]
    midway: bool


def rgb_from_yuv420(
    y: np.ndarray, cb: np.ndarray, cr: np.ndarray, *, bits: int, full_range: bool, luma: Sequence[float], siting: str
) -> np.ndarray:
    """Codes uint8 or uint16, Y' [H,W], Cb and Cr [ceil(H/2),ceil(W/2)] -> R'G'B' float32 [3,H,W] in [0,1].

    ``luma``: the matrix' weights of R', G', B'. ``siting``: "left" or "topleft". Rows of a plane may be padded.
    """
    if lumaflux_native is None or siting not in ("left", "topleft"):
        return rgb_from_yuv420_reference(y, cb, cr, bits=bits, full_range=full_range, luma=luma, siting=siting)
    return lumaflux_native.rgb_from_yuv420(
        y, cb, cr, code_scales(bits, full_range), tuple(luma), siting == "left", THREADS
    )


def rgb_from_yuv420_reference(
    y: np.ndarray, cb: np.ndarray, cr: np.ndarray, *, bits: int, full_range: bool, luma: Sequence[float], siting: str
) -> np.ndarray:
    """The same in NumPy, to 1e-6."""
    chroma = [upsample_420(plane.astype(np.float32), siting, y.shape) for plane in (cb, cr)]
    decoded = from_codes(np.stack([y.astype(np.float32), *chroma]), bits, full_range)
    return np.clip(ycbcr_to_rgb(decoded, luma), 0, 1, dtype=np.float32)
