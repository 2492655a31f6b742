"""SDR by local tone mapping, as phones and photo editors make it: neighbouring pixels decide a pixel's tone.

Three families, each with parameters drawn at random: base and detail layers (Durand and Dorsey 2002), dodging and
burning (Reinhard et al. 2002, a local adaptation luminance), exposure fusion (Mertens et al. 2007, on exposures of one
picture). Batched, in torch; light is in multiples of SDR white.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, apply_matrix, luminance, rgb_to_rgb
from lumaflux.lab.data.draws import SDR_WHITE_NITS, number, rand, uniform

_FLOOR = 1e-4  # of relative light, before logarithms


def smooth(picture: Tensor, radius: int) -> Tensor:
    """Three box blurs of [B,C,H,W] with replicated borders, nearly a Gaussian of deviation ``radius``."""
    size = 2 * radius + 1
    for _ in range(3):
        padded = F.pad(picture, (radius,) * 4, mode="replicate")
        picture = F.avg_pool2d(F.avg_pool2d(padded, (1, size), stride=1), (size, 1), stride=1)
    return picture


def guided_base(guide: Tensor, radius: int, tolerance: float) -> Tensor:
    """The edge-keeping base layer of [B,1,H,W]: a guided filter of the picture by itself (He et al. 2010)."""
    mean = smooth(guide, radius)
    variance = (smooth(guide * guide, radius) - mean * mean).clamp(min=0)
    slope = variance / (variance + tolerance)
    return smooth(slope, radius) * guide + smooth(mean * (1 - slope), radius)


def _radius(picture: Tensor, share: float) -> int:
    """A share of the shorter side, in whole pixels that a replicated border allows."""
    side = min(picture.shape[-2:])
    return max(1, min(int(share * side), side - 1))


def base_and_detail(light: Tensor, generator: torch.Generator) -> Tensor:
    """Compresses the base layer of log luminance, keeps or lifts detail: [B,3,H,W] -> [B,3,H,W] in [0,1]."""

    def one(low: float, high: float) -> Tensor:
        return uniform((len(light), 1, 1, 1), low, high, generator)

    y = luminance(light, BT709_LUMA).clamp(min=_FLOOR)
    log_y = y.log2()
    share = number(0.02, 0.08, generator)
    base = guided_base(log_y, _radius(light, share), 0.25)
    detail = log_y - base
    top = base.flatten(1).quantile(0.995, dim=1).view(-1, 1, 1, 1)
    pivot = top.clamp(min=0.0)
    compressed = (base - pivot) * one(0.45, 0.85) + one(-0.5, 0.0)
    toned = torch.exp2(compressed + detail * one(0.9, 1.4))
    return (light * (toned / y)).clamp(0, 1)


def dodge_and_burn(light: Tensor, generator: torch.Generator) -> Tensor:
    """Each pixel's curve is Reinhard's with the light around it as white: [B,3,H,W] -> [B,3,H,W] in [0,1]."""

    def one(low: float, high: float) -> Tensor:
        return uniform((len(light), 1, 1, 1), low, high, generator)

    y = luminance(light, BT709_LUMA).clamp(min=_FLOOR) * torch.exp2(one(-0.5, 1.0))
    around = smooth(y, _radius(light, number(0.02, 0.1, generator)))
    adaptation = y ** (1 - (local := one(0.3, 0.9))) * around**local
    white = one(2.0, 6.0)
    toned = y * (1 + adaptation / white**2) / (1 + adaptation)
    return (light * (toned / luminance(light, BT709_LUMA).clamp(min=_FLOOR))).clamp(0, 1)


def exposure_fusion(light: Tensor, generator: torch.Generator) -> Tensor:
    """Three exposures blended by how well each is exposed: [B,3,H,W] -> [B,3,H,W] in [0,1]."""
    spread = uniform((len(light), 1, 1, 1), 1.5, 3.0, generator)
    radius = _radius(light, number(0.03, 0.1, generator))
    total, weights = torch.zeros_like(light), torch.zeros_like(light[:, :1])
    for stops in (-1.0, 0.0, 1.0):
        signal = bt1886.inverse_eotf((light * torch.exp2(stops * spread)).clamp(0, 1), white_nits=1.0)
        luma = luminance(signal, BT709_LUMA)
        weight = smooth(torch.exp(-((luma - 0.5) ** 2) / (2 * 0.2**2)), radius) + 1e-3
        total, weights = total + weight * signal, weights + weight
    return bt1886.eotf(total / weights, white_nits=1.0).clamp(0, 1)


LOCAL_FAMILIES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "base-detail": base_and_detail,
    "dodge-burn": dodge_and_burn,
    "exposure-fusion": exposure_fusion,
}


def render_local(hdr_pq: Tensor, family: str, generator: torch.Generator) -> Tensor:
    """PQ/BT.2020 masters [B,3,H,W] -> BT.1886 signals in [0,1] by a local family; SDR white is 100 or 203 nit."""
    white = SDR_WHITE_NITS * torch.where(rand((len(hdr_pq), 1, 1, 1), generator) < 0.5, 1.0, 2.03)
    light = apply_matrix(rgb_to_rgb(BT2020, BT709), pq.eotf(hdr_pq)).clamp(min=0) / white
    return bt1886.inverse_eotf(LOCAL_FAMILIES[family](light, generator), white_nits=1.0)
