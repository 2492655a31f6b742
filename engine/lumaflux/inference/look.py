"""The look controls of `lumaflux.settings` on a model's PQ picture. Each is the exact identity at its default."""

import math

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.ictcp import ictcp_to_rgb, rgb_to_ictcp
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS, sdr_to_pq
from lumaflux.model.spline import PEAK_NITS
from lumaflux.settings import Settings


def is_plain(settings: Settings) -> bool:
    """Whether every look control is at its default, so that ``apply_look`` is the identity."""
    looks = (settings.strength, settings.saturation, settings.exposure)
    return looks == (1.0, 1.0, 0.0) and _peak_stays(settings)


def _peak_stays(settings: Settings) -> bool:
    return (settings.reference_white, settings.target_peak) == (REFERENCE_WHITE_NITS, PEAK_NITS)


def apply_look(model_pq: Tensor, sdr: Tensor, settings: Settings) -> Tensor:
    """Model picture [B,3,H,W] PQ/BT.2020 and its SDR source [B,3,H,W] -> the graded PQ picture."""
    graded = model_pq
    if not _peak_stays(settings):
        graded = place_peak(graded, settings.reference_white, settings.target_peak)
    if settings.saturation != 1.0:
        graded = saturate(graded, settings.saturation, settings.target_peak)
    if settings.strength != 1.0:
        placed = sdr_to_pq(sdr, settings.reference_white)
        graded = torch.lerp(placed, graded, settings.strength)
    return expose(graded, settings)


def expose(hdr_pq: Tensor, settings: Settings) -> Tensor:
    """Light ``settings.exposure`` stops brighter. Brightened light above reference white meets the target peak where
    light at that peak would have exceeded it, by the curve of ``place_peak``; darkened light keeps its ratios."""
    if settings.exposure == 0.0:
        return hdr_pq
    nits = pq.eotf(hdr_pq) * 2.0**settings.exposure
    if settings.exposure > 0.0:
        nits = nits * _rolled_off(nits, settings.reference_white, settings.target_peak, 2.0**settings.exposure)
    return pq.inverse_eotf(nits.clamp(0, settings.target_peak))


def place_peak(hdr_pq: Tensor, reference_white: float, target_peak: float) -> Tensor:
    """Scales light so that 203 nit lands on ``reference_white``, then maps what lies above it up to ``target_peak``.

    With m = max(R,G,B) and u = ln(m / white), the curve above white is u -> u / (1 + k u): slope 1 at white, k such
    that the model's 1000 nit meet the target, strictly increasing. Channel ratios are kept.
    """
    nits = pq.eotf(hdr_pq) * (reference_white / REFERENCE_WHITE_NITS)
    beyond = PEAK_NITS / REFERENCE_WHITE_NITS * reference_white / target_peak
    gain = _rolled_off(nits, reference_white, target_peak, beyond)
    return pq.inverse_eotf((nits * gain).clamp(0, target_peak))


def _rolled_off(nits: Tensor, white: float, peak: float, beyond: float) -> Tensor:
    """The gain [B,1,H,W] that takes max(R,G,B) of ``beyond`` times ``peak`` to ``peak``, none below ``white``."""
    u = torch.log((nits.amax(dim=1, keepdim=True) / white).clamp(min=1.0))
    wanted = math.log(peak / white)
    if wanted <= 0:  # nothing is brighter than white
        return torch.exp(-u)
    span = wanted + math.log(beyond)
    k = (span / wanted - 1) / span
    return torch.exp(u / (1 + k * u) - u)


def saturate(hdr_pq: Tensor, saturation: float, target_peak: float) -> Tensor:
    """Scales Ct and Cp of ICtCp (BT.2100-2 Table 7)."""
    ictcp = rgb_to_ictcp(pq.eotf(hdr_pq))
    factors = ictcp.new_tensor([1.0, saturation, saturation]).view(3, 1, 1)
    return pq.inverse_eotf(ictcp_to_rgb(ictcp * factors).clamp(0, target_peak))
