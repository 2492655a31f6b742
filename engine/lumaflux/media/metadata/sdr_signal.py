"""SDR signals of every primaries and transfer of H.273 that say what light they mean, brought to BT.709 for BT.1886.

The transfers of BT.601, 709, 1361, 2020, xvYCC and SMPTE 240M are camera curves of video that is watched on a BT.1886
display, so its curve is theirs; the others are display curves of their own. Light beyond white or BT.709 is clipped.
"""

from collections.abc import Callable

import numpy as np

from lumaflux.color import bt1886, srgb
from lumaflux.color.primaries import BT709, Primaries, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import CHROMATICITIES, VIDEO_TRANSFERS

Curve = Callable[[np.ndarray], np.ndarray]

_ST428 = 52.37 / 48  # light of a full signal over that of white (H.273 Table 3, 17)


def _logarithm(decades: float) -> Curve:
    """H.273 Table 3, 9 and 10: ``decades`` below white the signal is 0, and so is the light."""

    def light(signal: np.ndarray) -> np.ndarray:
        return np.where(signal > 0, np.float32(10) ** (np.float32(decades) * (signal - 1)), np.float32(0))

    return light


def _power(gamma: float, gain: float = 1.0) -> Curve:
    return lambda signal: np.float32(gain) * signal.clip(0, None) ** np.float32(gamma)


_CURVES: dict[str, Curve] = {
    **dict.fromkeys(VIDEO_TRANSFERS, lambda signal: bt1886.eotf(signal, white_nits=1.0)),
    "gamma22": _power(2.2),
    "gamma28": _power(2.8),
    "linear": _power(1.0),
    "log": _logarithm(2.0),
    "log-sqrt": _logarithm(2.5),
    "srgb": srgb.eotf,
    "st428": _power(2.6, _ST428),
}


def to_video(primaries: str | Primaries, transfer: str, where: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """What turns R'G'B' float32 [3,H,W] in [0,1] so tagged into that of BT.709 for BT.1886; None where it is that.

    Names are those of :mod:`lumaflux.media.metadata.coding_points`; ``where`` names the file in errors.
    Raises UserError for codes that no table has.
    """
    linearize, matrix = _parts(primaries, transfer, where)
    if matrix is None and transfer in VIDEO_TRANSFERS:
        return None
    return lambda signal: bt1886.inverse_eotf(_light(signal, linearize, matrix), white_nits=1.0).astype(np.float32)


def to_srgb(primaries: str | Primaries, transfer: str | Curve, where: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """The same into an sRGB signal. ``transfer`` may be a curve, signal to relative light."""
    linearize, matrix = _parts(primaries, transfer, where)
    if matrix is None and transfer == "srgb":
        return None
    return lambda signal: srgb.inverse_eotf(_light(signal, linearize, matrix)).astype(np.float32)


def _parts(primaries: str | Primaries, transfer: str | Curve, where: str) -> tuple[Curve, np.ndarray | None]:
    found = CHROMATICITIES.get(primaries) if isinstance(primaries, str) else primaries
    curve = _CURVES.get(transfer) if isinstance(transfer, str) else transfer
    if found is None or curve is None:
        raise UserError(
            f"{where} has {primaries} primaries with {transfer} transfer, which are not read; convert it to BT.709 or "
            "sRGB."
        )
    return curve, None if found == BT709 else rgb_to_rgb(found, BT709)


def _light(signal: np.ndarray, linearize: Curve, matrix: np.ndarray | None) -> np.ndarray:
    light = linearize(signal)
    return (light if matrix is None else apply_matrix(matrix, light)).clip(0, 1)
