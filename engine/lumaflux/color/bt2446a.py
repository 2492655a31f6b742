"""BT.2446-1 method A (clause 4): HDR of 1000 cd/m2 to SDR of 100 cd/m2, and its inverse."""

import math

from lumaflux.color import bt1886
from lumaflux.color.arrays import Array, channels, namespace, stack
from lumaflux.color.gamut import clip_to_bt709
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.color.ycbcr import ycbcr_to_rgb

HDR_PEAK_NITS, SDR_PEAK_NITS = 1000.0, 100.0
_GAMMA = 2.4
_CB_DIVISOR, _CR_DIVISOR = 2 * (1 - BT2020_LUMA[2]), 2 * (1 - BT2020_LUMA[0])


def _rho(peak_nits: float) -> float:
    return 1 + 32 * (peak_nits / 10000) ** (1 / _GAMMA)


def luma_to_sdr(luma: Array, hdr_peak: float = HDR_PEAK_NITS, sdr_peak: float = SDR_PEAK_NITS) -> Array:
    """Tables 1 and 2, steps 1 to 3: Y' of HDR (gamma 1/2.4, 1 = peak) -> Y' of SDR."""
    xp = namespace(luma)
    rho_hdr, rho_sdr = _rho(hdr_peak), _rho(sdr_peak)
    p = xp.log1p((rho_hdr - 1) * luma.clip(0.0, 1.0)) / math.log(rho_hdr)
    knee = -1.1510 * p * p + 2.7811 * p - 0.6302
    c = xp.where(p <= 0.7399, 1.0770 * p, xp.where(p < 0.9909, knee, 0.5 * p + 0.5))
    return xp.expm1(c * math.log(rho_sdr)) / (rho_sdr - 1)


def luma_to_hdr(luma: Array) -> Array:
    """Tables 3 and 4: Y' of SDR in [0, 1] -> Y' of HDR (gamma 1/2.4, 1 = 1000 cd/m2)."""
    xp = namespace(luma)
    y = 255 * luma.clip(0.0, 1.0)
    low = 1.8712e-5 * y * y - 2.7334e-3 * y + 1.3141
    high = 2.8305e-6 * y * y - 7.4622e-4 * y + 1.2528
    exponent = xp.where(y <= 70, low, high)
    return y.clip(1e-6, None) ** exponent / HDR_PEAK_NITS


def sdr_from_hdr(nits: Array, hdr_peak: float = HDR_PEAK_NITS, sdr_peak: float = SDR_PEAK_NITS) -> Array:
    """BT.2020 light ``[..., 3, H, W]`` in cd/m2 -> BT.709/BT.1886 SDR in [0, 1], gamut clipped (BT.2407 clause 2)."""
    signal = bt1886.inverse_eotf(nits.clip(0.0, hdr_peak), white_nits=hdr_peak)
    r, g, b = channels(signal)
    y = BT2020_LUMA[0] * r + BT2020_LUMA[1] * g + BT2020_LUMA[2] * b
    y_sdr = luma_to_sdr(y, hdr_peak, sdr_peak)
    f = y_sdr / (1.1 * y.clip(1e-6, None))
    cb, cr = f * (b - y) / _CB_DIVISOR, f * (r - y) / _CR_DIVISOR
    tone_mapped = ycbcr_to_rgb(stack([y_sdr - (0.1 * cr).clip(0.0, None), cb, cr]), BT2020_LUMA)
    linear = tone_mapped.clip(0.0, 1.0) ** _GAMMA
    return bt1886.inverse_eotf(clip_to_bt709(linear), white_nits=1.0)


def hdr_from_sdr(sdr: Array) -> Array:
    """BT.709/BT.1886 SDR ``[..., 3, H, W]`` in [0, 1] -> BT.2020 light in cd/m2, up to 1000."""
    signal = bt1886.inverse_eotf(sdr_to_linear2020(sdr), white_nits=1.0)
    r, g, b = channels(signal)
    y = BT2020_LUMA[0] * r + BT2020_LUMA[1] * g + BT2020_LUMA[2] * b
    y_hdr = luma_to_hdr(y)
    gain = namespace(y).where(y <= 1e-6, 0 * y + 1, 1.075 * y_hdr / y.clip(1e-6, None))
    cb, cr = gain * (b - y) / _CB_DIVISOR, gain * (r - y) / _CR_DIVISOR
    expanded = ycbcr_to_rgb(stack([y_hdr, cb, cr]), BT2020_LUMA)
    return HDR_PEAK_NITS * expanded.clip(0.0, 1.0) ** _GAMMA
