"""The EETF of BT.2390-10 5.4.1 (also BT.2408 Annex 5): a mastering display's range onto a target's, in PQ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lumaflux.color import bt1886, ictcp, pq
from lumaflux.color.arrays import Array, channels, namespace, power, stack
from lumaflux.color.gamut import clip_to_bt709
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb

Mode = Literal["max-rgb", "per-channel", "luma", "ictcp"]
Curve = Callable[[Array], Array]

_NEWTON_STEPS = 8  # of the black lift's inverse: double precision for every b up to 1/5
_FLAT = 1e-12  # of the distance to the target's peak, before the cube root: 1e-4 of the distance to the master's
_HIGHEST_LIFT = 0.25  # from here on E + b (1 - E)^4 falls near black


@dataclass(frozen=True, kw_only=True)
class _Range:
    """PQ(Lb), PQ(Lw) - PQ(Lb), and relative to them minLum, maxLum and the knee KS, held at 0."""

    low: float
    span: float
    black: float
    peak: float
    knee: float


def _pq(nits: float) -> float:
    return float(pq.inverse_eotf(np.array([nits]))[0]) if nits > 0 else 0.0


def _range(master_peak: float, target_peak: float, master_black: float, target_black: float) -> _Range:
    if not (0 <= master_black < master_peak and 0 <= target_black < target_peak):
        raise ValueError("Peaks must exceed black levels, and black levels must not be negative.")
    low, high = _pq(master_black), _pq(master_peak)
    black, peak = (_pq(target_black) - low) / (high - low), (_pq(target_peak) - low) / (high - low)
    return _Range(low=low, span=high - low, black=black, peak=peak, knee=max(1.5 * peak - 0.5, 0.0))


def eetf(
    signal_pq: Array, master_peak: float, target_peak: float, master_black: float = 0.0, target_black: float = 0.0
) -> Array:
    """PQ signal -> PQ signal, levels in cd/m2; the signal is clamped to the mastering range.

    With KS = 1.5 maxLum - 0.5 the Hermite spline P of 5.4.1 is KS + (maxLum - KS)(1 - (1 - T)^3). Where KS is
    held at 0 (maxLum under 1/3) this form stays strictly increasing; the printed spline would fall near its top.
    A target brighter than the master leaves its highlights as they are. Raises ValueError for an empty range.
    """
    r = _range(master_peak, target_peak, master_black, target_black)
    e = ((signal_pq - r.low) / r.span).clip(0.0, 1.0)
    if r.peak < 1:
        rest = 1 - ((e - r.knee) / (1 - r.knee)).clip(0.0, None)
        e = namespace(e).where(e < r.knee, e, r.knee + (r.peak - r.knee) * (1 - rest * rest * rest))
    return (e + r.black * (1 - e) ** 4) * r.span + r.low


def inverse_eetf(
    signal_pq: Array, master_peak: float, target_peak: float, master_black: float = 0.0, target_black: float = 0.0
) -> Array:
    """The inverse of :func:`eetf` on [PQ(master black), PQ(master peak)]; what lies beyond goes to its ends.

    Near the target's peak the curve is flat and its inverse steep: a rounding of 1e-7 moves the result by up to 5e-3.
    Raises ValueError also for a target black so high that the curve has no inverse.
    """
    r = _range(master_peak, target_peak, master_black, target_black)
    if r.black >= _HIGHEST_LIFT:
        raise ValueError(f"The EETF of a target black of {target_black} cd/m2 is not increasing: it has no inverse.")
    e = ((signal_pq - r.low) / r.span).clip(r.black, 1.0)
    if r.black != 0:
        wanted = 1 - e
        rest = wanted
        for _ in range(_NEWTON_STEPS):
            rest = rest - (rest - r.black * rest**4 - wanted) / (1 - 4 * r.black * rest**3)
        e = 1 - rest
    if r.peak < 1:
        rest = power(((r.peak - e) / (r.peak - r.knee)).clip(0.0, 1.0), 1 / 3, _FLAT)
        e = namespace(e).where(e < r.knee, e, r.knee + (1 - r.knee) * (1 - rest))
    return e * r.span + r.low


def tone_map(nits: Array, curve: Curve, mode: Mode = "max-rgb") -> Array:
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


def _map_first(planes: Array, curve: Curve, back: Curve) -> Array:
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
    """BT.709/BT.1886 SDR in [0, 1] -> BT.2020 light in cd/m2 by the inverse EETF.

    Works in double precision: in single the rounding of white alone would cost 2.4 % of the peak.
    """
    xp = namespace(sdr)
    light = target_peak * sdr_to_linear2020(xp.astype(sdr, xp.float64))
    return xp.astype(tone_map(light, lambda e: inverse_eetf(e, master_peak, target_peak), mode), sdr.dtype)
