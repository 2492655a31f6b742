"""BT.2446-1 method C (clause 6): HDR of 1000 cd/m2 to SDR and back, on luminance with crosstalk."""

import numpy as np

from lumaflux.color import bt1886
from lumaflux.color.arrays import Array, namespace
from lumaflux.color.gamut import clip_to_bt709
from lumaflux.color.primaries import BT2020_LUMA, apply_matrix, luminance
from lumaflux.color.sdr_to_pq import sdr_to_linear2020

K1, K2, K3, K4 = 0.83802, 15.09968, 0.74204, 78.99439  # 6.1.4
INFLECTION_PERCENT = 58.5
INFLECTION_NITS = INFLECTION_PERCENT / K1
CROSSTALK = 0.05


def luminance_to_sdr(nits: Array) -> Array:
    """Luminance in cd/m2 -> SDR luminance in percent; 1000 gives 118.4, above the nominal range."""
    xp = namespace(nits)
    log = K2 * xp.log(nits.clip(INFLECTION_NITS, None) / INFLECTION_NITS - K3) + K4
    return xp.where(nits < INFLECTION_NITS, K1 * nits, log)


def luminance_to_hdr(percent: Array) -> Array:
    """SDR luminance in percent -> luminance in cd/m2, the inverse of :func:`luminance_to_sdr`."""
    xp = namespace(percent)
    exponential = INFLECTION_NITS * (xp.exp((percent - K4) / K2) + K3)
    return xp.where(percent < INFLECTION_PERCENT, percent / K1, exponential)


def crosstalk_matrix(amount: float) -> np.ndarray:
    """6.1.2. Raises ValueError unless 0 <= amount < 1/3."""
    if not 0 <= amount < 1 / 3:
        raise ValueError(f"The crosstalk must lie in [0, 1/3), not {amount}.")
    return (1 - 3 * amount) * np.eye(3) + amount * np.ones((3, 3))


def _map_luminance(rgb: Array, curve, amount: float) -> Array:
    """Scales RGB by the curve of its luminance, in the crosstalk domain."""
    mixed = apply_matrix(crosstalk_matrix(amount), rgb)
    y = luminance(mixed, BT2020_LUMA).clip(1e-6, None)
    return apply_matrix(np.linalg.inv(crosstalk_matrix(amount)), mixed * (curve(y) / y))


def sdr_from_hdr(nits: Array, crosstalk: float = CROSSTALK) -> Array:
    """BT.2020 light ``[..., 3, H, W]`` in cd/m2 -> BT.709/BT.1886 SDR in [0, 1]; clipped at 100 percent."""
    percent = _map_luminance(nits.clip(0.0, None), luminance_to_sdr, crosstalk)
    return bt1886.inverse_eotf(clip_to_bt709(percent.clip(0.0, 100.0) / 100), white_nits=1.0)


def hdr_from_sdr(sdr: Array, crosstalk: float = CROSSTALK) -> Array:
    """BT.709/BT.1886 SDR ``[..., 3, H, W]`` in [0, 1] -> BT.2020 light in cd/m2."""
    return _map_luminance(100 * sdr_to_linear2020(sdr), luminance_to_hdr, crosstalk).clip(0.0, None)
