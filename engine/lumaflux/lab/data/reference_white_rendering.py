"""SDR whose shadows and mid-tones are the HDR picture's own, reference white at SDR white, as phones, photo editors and
broadcasters make it (BT.2408-7 clause 5, display-light mapping; gain maps, whose gain is about 1 in shadows). Regions
brighter than a pivot are compressed by the base layer of log luminance, as phones do, and highlights rolled off.
Parameters are drawn at random. Batched, in torch."""

import torch
from torch import Tensor

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, apply_matrix, luminance, rgb_to_rgb
from lumaflux.lab.data.draws import number, uniform
from lumaflux.lab.data.local_rendering import guided_base

REFERENCE_WHITE_NITS = 203.0
_EXPOSURE = 0.5  # stops either way
_PIVOT = (-4.0, -1.0)  # stops below reference white
_FLOOR = 1e-4  # of relative light, before powers


def roll_off(light: Tensor, knee: Tensor, white: Tensor) -> Tensor:
    """Identity below ``knee``, then a power curve in log light that leaves with slope 1 and arrives at 1 at ``white``
    (steeper at the knee where white is too near for that): light >= 0 in multiples of SDR white -> [0,1]."""
    reach = (white / knee).log()
    above = (light.clamp(min=_FLOOR) / knee).log().clamp(min=0).minimum(reach)
    share = above / reach
    power = (knee * reach / (1 - knee)).clamp(min=1.0)
    curved = knee + (1 - knee) * (1 - (1 - share) ** power)
    return torch.where(light > knee, curved, light).clamp(0, 1)


def _compressed(light: Tensor, pivot: Tensor, lift: Tensor, slope: Tensor, share: float) -> Tensor:
    """Regions [B,3,H,W] below ``pivot`` lose a share ``lift`` of their distance to it, in stops; above it, light grows
    by ``slope`` stops a stop. Regions come from the base layer of log luminance, detail stays."""
    log_y = luminance(light, BT709_LUMA).clamp(min=_FLOOR).log2()
    radius = max(1, int(share * min(light.shape[-2:])))
    distance = guided_base(log_y, radius, 0.25) - pivot.log2()
    return light * torch.exp2(-lift * distance.clamp(max=0) - (1 - slope) * distance.clamp(min=0))


def render_reference_white(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """PQ/BT.2020 masters [B,3,H,W] -> SDR signals in [0,1]: light over reference white, regions compressed in most of
    them, highlights rolled off by luminance, largest channel or channel, encoded as sRGB or BT.1886, graded lightly."""
    column = (len(hdr_pq), 1, 1, 1)

    def one(low: float, high: float) -> Tensor:
        return uniform(column, low, high, generator)

    light = apply_matrix(rgb_to_rgb(BT2020, BT709), pq.eotf(hdr_pq)).clamp(min=0) / REFERENCE_WHITE_NITS
    light = light * torch.exp2(one(-_EXPOSURE, _EXPOSURE))
    lift = one(0.0, 0.35) * (one(0, 1) < 0.4)
    slope = 1 - one(0.0, 0.7) * (one(0, 1) < 0.75)
    pivot = torch.exp2(one(*_PIVOT))
    light = _compressed(light, pivot, lift, slope, number(0.01, 0.12, generator))
    knee, white = one(0.3, 0.9), one(1.3, 5.0)
    y, peak = luminance(light, BT709_LUMA).clamp(min=_FLOOR), light.amax(1, keepdim=True).clamp(min=_FLOOR)
    by_luminance = light * (roll_off(y, knee, white) / y)
    by_peak = light * (roll_off(peak, knee, white) / peak)
    choice = one(0, 3)
    toned = torch.where(choice < 1, by_luminance, torch.where(choice < 2, by_peak, roll_off(light, knee, white)))
    toned = toned.clamp(0, 1)
    signal = torch.where(one(0, 1) < 0.6, srgb.inverse_eotf(toned), bt1886.inverse_eotf(toned, white_nits=1.0))
    contrast = one(0.0, 0.35) * (one(0, 1) < 0.5)
    signal = signal + contrast * (signal * signal * (3 - 2 * signal) - signal)
    luma = luminance(signal, BT709_LUMA)
    return (luma + (signal - luma) * one(0.9, 1.25)).clamp(0, 1)
