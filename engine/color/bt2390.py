"""The EETF of BT.2390-10 5.4.1 (also BT.2408 Annex 5): a mastering display's range onto a target's, in PQ."""

from typing import Literal

import numpy as np

from engine.color import bt1886, ictcp, pq
from engine.color.arrays import Array, channels, namespace, stack
from engine.color.gamut import clip_to_bt709
from engine.color.placement import sdr_to_linear2020
from engine.color.primaries import BT2020_LUMA
from engine.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb

Mode = Literal["max-rgb", "per-channel", "luma", "ictcp"]


def _pq(nits: float) -> float:
    return float(pq.inverse_eotf(np.array([nits]))[0]) if nits > 0 else 0.0


def eetf(
    signal_pq: Array, master_peak: float, target_peak: float, master_black: float = 0.0, target_black: float = 0.0
) -> Array:
    """PQ signal -> PQ signal; levels in cd/m2. Raises ValueError for an empty range.

    Strictly increasing while PQ(target) is over a third of PQ(master); below, the knee is held at 0 and the curve
    may dip by 1e-6 near its top."""
    if not (0 <= master_black < master_peak and 0 <= target_black < target_peak):
        raise ValueError("Peaks must exceed black levels, and black levels must not be negative.")
    xp = namespace(signal_pq)
    low, high = _pq(master_black), _pq(master_peak)
    span = high - low
    b, max_lum = (_pq(target_black) - low) / span, (_pq(target_peak) - low) / span
    e1 = ((signal_pq - low) / span).clip(0.0, 1.0)
    if max_lum < 1:
        knee = max(1.5 * max_lum - 0.5, 0.0)
        t = ((e1 - knee) / (1 - knee)).clip(0.0, 1.0)
        t2, t3 = t * t, t * t * t
        hermite = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * max_lum
        e1 = xp.where(e1 < knee, e1, hermite)
    return (e1 + b * (1 - e1) ** 4) * span + low


def inverse_eetf(
    signal_pq: Array, master_peak: float, target_peak: float, master_black: float = 0.0, target_black: float = 0.0
) -> Array:
    """The numerical inverse of :func:`eetf` on [PQ(master black), PQ(master peak)], by bisection."""
    xp = namespace(signal_pq)
    low = signal_pq * 0 + _pq(master_black)
    high = signal_pq * 0 + _pq(master_peak)
    for _ in range(52):
        middle = 0.5 * (low + high)
        below = eetf(middle, master_peak, target_peak, master_black, target_black) < signal_pq
        low, high = xp.where(below, middle, low), xp.where(below, high, middle)
    return 0.5 * (low + high)


def tone_map(nits: Array, curve, mode: Mode = "max-rgb") -> Array:
    """Applies a PQ curve to BT.2020 light ``[..., 3, H, W]`` in cd/m2 (5.4.2); ``curve`` maps PQ to PQ."""
    if mode == "per-channel":
        return pq.eotf(curve(pq.inverse_eotf(nits)))
    if mode == "max-rgb":
        r, g, b = channels(nits)
        xp = namespace(nits)
        brightest = xp.maximum(xp.maximum(r, g), b)[..., None, :, :].clip(1e-6, None)
        return nits * (pq.eotf(curve(pq.inverse_eotf(brightest))) / brightest)
    if mode == "luma":
        return pq.eotf(_map_first(rgb_to_ycbcr(pq.inverse_eotf(nits), BT2020_LUMA), curve, _ycc_to_rgb))
    if mode == "ictcp":
        return _map_first(ictcp.rgb_to_ictcp(nits), curve, ictcp.ictcp_to_rgb).clip(0.0, None)
    raise ValueError(f"The mode is one of max-rgb, per-channel, luma, ictcp, not {mode!r}.")


def _ycc_to_rgb(ycc: Array) -> Array:
    return ycbcr_to_rgb(ycc, BT2020_LUMA).clip(0.0, 1.0)


def _map_first(planes: Array, curve, back) -> Array:
    """Maps I or Y'; the two chroma planes shrink by min(I1/I2, I2/I1)."""
    xp = namespace(planes)
    before, c1, c2 = channels(planes)
    after = curve(before)
    safe_before, safe_after = before.clip(1e-6, None), after.clip(1e-6, None)
    ratio = xp.minimum(safe_before / safe_after, safe_after / safe_before)
    return back(stack([after, ratio * c1, ratio * c2]))


def sdr_from_hdr(nits: Array, master_peak: float = 1000.0, target_peak: float = 100.0, mode: Mode = "max-rgb") -> Array:
    """BT.2020 light in cd/m2 -> BT.709/BT.1886 SDR in [0, 1], gamut clipped (BT.2407 clause 2)."""
    mapped = tone_map(nits.clip(0.0, master_peak), lambda e: eetf(e, master_peak, target_peak), mode)
    return bt1886.inverse_eotf(clip_to_bt709(mapped / target_peak), white_nits=1.0)


def hdr_from_sdr(sdr: Array, master_peak: float = 1000.0, target_peak: float = 100.0, mode: Mode = "max-rgb") -> Array:
    """BT.709/BT.1886 SDR in [0, 1] -> BT.2020 light in cd/m2 by the inverse EETF."""
    light = target_peak * sdr_to_linear2020(sdr)
    return tone_map(light, lambda e: inverse_eetf(e, master_peak, target_peak), mode)
