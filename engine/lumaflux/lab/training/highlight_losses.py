"""Losses where the source is clipped: how bright each region is, its structure, and its peak, as terms of their own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq

_SPREAD = 0.05  # stops: below it, a reference has no structure to correlate with
_SHARPNESS = 8.0  # of the soft maximum, per stop
_IN_REGION = 0.25  # clipped share from which on a pixel belongs to a region


def placed_luminance(sdr: Tensor, white: Tensor) -> Tensor:
    """Codes uint8 [B,3,H,W], statically placed with white at ``white`` [B] cd/m2 -> luminance [B,1,H,W], at least
    0.01."""
    return luminance(pq.eotf(sdr_to_pq(sdr.float() / 255, white.view(-1, 1, 1, 1)))).clamp(min=0.01)


@torch.no_grad()
def regions(clipped: Tensor) -> Tensor:
    """Clipped shares [B,1,H,W] -> the number of the region that each pixel belongs to, int64. Less than two pixels
    apart is one region; pixels of none have numbers that no region has."""
    inside = clipped > _IN_REGION
    coarse = F.max_pool2d(inside.float(), 2, ceil_mode=True)
    own = coarse * (1.0 + torch.arange(coarse.numel(), device=clipped.device)).view(coarse.shape)
    for _ in range(coarse.shape[-2] + coarse.shape[-1]):  # what winds further is parts, each with a level of its own
        spread = coarse * F.max_pool2d(own, 3, stride=1, padding=1)
        if own.device.type == "cpu" and torch.equal(spread, own):  # a device is not waited for
            break
        own = spread
    fine = F.interpolate(own, (clipped.shape[-2], clipped.shape[-1]), mode="nearest-exact")
    number = torch.arange(clipped.numel(), device=clipped.device).view(clipped.shape)
    return torch.where(inside, fine.long() - 1, coarse.numel() + number)


def _summed(values: Tensor, numbers: Tensor) -> Tensor:
    """Sums over regions, at each of their pixels."""
    flat = torch.zeros(2 * values.numel(), dtype=values.dtype, device=values.device)
    return flat.scatter_add(0, numbers.flatten(), values.flatten())[numbers]


def _masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp(min=1e-3)


def correlation(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Weighted correlation of each picture [B]; [B,1,H,W] each."""
    first = found - _masked_mean(found, weights).view(-1, 1, 1, 1)
    second = wanted - _masked_mean(wanted, weights).view(-1, 1, 1, 1)
    scale = (_masked_mean(first.square(), weights) + 1e-4) * (_masked_mean(second.square(), weights) + 1e-4)
    return _masked_mean(first * second, weights) / scale.sqrt()


def highlight_terms(found: Tensor, wanted: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Stops found and wanted [B,1,H,W], and how clipped each value is -> the mean of each term over pictures.

    ``level``: L1 of regions' means, a region by the root of its area, so that a lamp counts beside a window;
    ``structure``: L1 of what is left of them; ``correlation``: one less it, over the whole clipped area where the
    reference has structure; ``peak``: L1 of soft maxima. Pictures that clip nothing count as zero.
    """
    numbers = regions(weights)
    error, area = found - wanted, _summed(weights, numbers)
    regional = _summed(error * weights, numbers) / area.clamp(min=1e-3)
    has = (weights.sum(dim=(1, 2, 3)) > 1.0).float()
    spread = _masked_mean((wanted - _masked_mean(wanted, weights).view(-1, 1, 1, 1)).square(), weights).sqrt()
    shaped = has * (spread > _SPREAD).float()

    def peak(stops: Tensor) -> Tensor:
        logits = torch.where(weights > _IN_REGION, _SHARPNESS * stops, torch.full_like(stops, -1e4)).flatten(1)
        return (logits.softmax(1) * stops.flatten(1)).sum(1)

    touched = has * (weights > _IN_REGION).flatten(1).any(1).float()
    terms = {
        "level": has * _masked_mean(regional.abs(), weights / area.clamp(min=1.0).sqrt()),
        "structure": has * _masked_mean((error - regional).abs(), weights),
        "correlation": shaped * (1 - correlation(found, wanted, weights)),
        "peak": touched * (peak(found) - peak(wanted)).abs(),
    }
    return {name: term.mean() for name, term in terms.items()}
