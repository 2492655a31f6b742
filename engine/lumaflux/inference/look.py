"""The look controls of `lumaflux.settings` on a model's PQ picture. Each is the exact identity at its default."""

import math

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.ictcp import ictcp_to_rgb, rgb_to_ictcp
from lumaflux.color.placement import REFERENCE_WHITE_NITS, static_placement
from lumaflux.model.spline import PEAK_NITS
from lumaflux.settings import Settings


def apply_look(model_pq: Tensor, sdr: Tensor, settings: Settings) -> Tensor:
    """Model picture [B,3,H,W] PQ/BT.2020 and its SDR source [B,3,H,W] -> the graded PQ picture."""
    graded = model_pq
    if (settings.reference_white, settings.target_peak) != (REFERENCE_WHITE_NITS, PEAK_NITS):
        graded = place_peak(graded, settings.reference_white, settings.target_peak)
    if settings.saturation != 1.0:
        graded = saturate(graded, settings.saturation, settings.target_peak)
    if settings.strength != 1.0:
        placed = static_placement(sdr, settings.reference_white)
        graded = torch.lerp(placed, graded, settings.strength)
    return graded


def place_peak(hdr_pq: Tensor, reference_white: float, target_peak: float) -> Tensor:
    """Scales light so that 203 nit lands on ``reference_white``, then maps what lies above it up to ``target_peak``.

    With m = max(R,G,B) and u = ln(m / white), the curve above white is u -> u / (1 + k u): slope 1 at white, k such
    that the model's 1000 nit meet the target, strictly increasing. Channel ratios are kept.
    """
    nits = pq.eotf(hdr_pq) * (reference_white / REFERENCE_WHITE_NITS)
    brightest = nits.amax(dim=1, keepdim=True)
    u = torch.log((brightest / reference_white).clamp(min=1.0))
    span, wanted = math.log(PEAK_NITS / REFERENCE_WHITE_NITS), math.log(target_peak / reference_white)
    k = (span / wanted - 1) / span
    gain = torch.exp(u / (1 + k * u) - u)
    return pq.inverse_eotf((nits * gain).clamp(0, target_peak))


def saturate(hdr_pq: Tensor, saturation: float, target_peak: float) -> Tensor:
    """Scales Ct and Cp of ICtCp (BT.2100-2 Table 7)."""
    ictcp = rgb_to_ictcp(pq.eotf(hdr_pq))
    factors = ictcp.new_tensor([1.0, saturation, saturation]).view(3, 1, 1)
    return pq.inverse_eotf(ictcp_to_rgb(ictcp * factors).clamp(0, target_peak))
