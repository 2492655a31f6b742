"""Losses where the source is clipped: how bright a region is, and its structure, as terms of their own.

Latents carry light nearly linearly, so a linear probe of them stands for the decoder: it costs nothing, and gradients
reach the transformer without passing the autoencoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.clipping import share_of_gain
from lumaflux.color.placement import static_placement
from lumaflux.color.primaries import luminance
from lumaflux.lab.training.latent_bank import LatentPairs

STOP = 0.075  # PQ a stop, between 200 and 1000 cd/m2
PEAK_NITS = 1000.0
_SCALE = 2  # probed values per latent sample in each direction
_RIDGE = 1e-3
_AROUND = 5  # probed values on a side of the neighbourhood that is a region
_SPREAD = 0.05  # stops: below it, a reference has no structure to correlate with
_SHARPNESS = 8.0  # of the soft maximum, per stop


@dataclass(frozen=True, kw_only=True)
class LightProbe:
    """PQ of luminance, at ``_SCALE`` values per latent sample, as a convolution of latents: [4,c,3,3] and [4]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, latents: Tensor) -> Tensor:
        """Normalised latents [B,c,h,w] -> [B,1,2h,2w]."""
        padded = F.pad(latents, (1, 1, 1, 1), mode="replicate")
        return F.pixel_shuffle(F.conv2d(padded, self.weight, self.bias), _SCALE)


def light_of_pairs(pairs: LatentPairs) -> tuple[Tensor, Tensor]:
    """PQ of luminance of the placed picture and of the target, [N,1,2h,2w] of latents [N,c,h,w]."""
    side = (_SCALE * pairs.start.shape[-2], _SCALE * pairs.start.shape[-1])
    begun, aimed = [], []
    for sdr, stops, clipped, white in zip(pairs.sdr, pairs.stops, pairs.clipped, pairs.white, strict=True):
        nits = placed_luminance(sdr, float(white))
        more = (nits * torch.exp2(stops * share_of_gain(clipped))).clamp(max=PEAK_NITS)
        begun.append(F.adaptive_avg_pool2d(pq.inverse_eotf(nits), side))
        aimed.append(F.adaptive_avg_pool2d(pq.inverse_eotf(more), side))
    return torch.cat(begun), torch.cat(aimed)


def placed_luminance(sdr: Tensor, white: float) -> Tensor:
    """Codes uint8 [3,H,W], statically placed with white at ``white`` cd/m2 -> luminance [1,1,H,W], at least 0.01."""
    return luminance(pq.eotf(static_placement(sdr.float()[None] / 255, white))).clamp(min=0.01)


@torch.no_grad()
def fit_probe(latents: Sequence[Tensor], light: Sequence[Tensor]) -> LightProbe:
    """Least squares from normalised latents [N,c,h,w] to light [N,1,2h,2w], over all their shapes."""
    gram, moment, channels = torch.zeros(()), torch.zeros(()), latents[0].shape[1]
    for z, y in zip(latents, light, strict=True):
        columns = F.unfold(F.pad(z, (1, 1, 1, 1), mode="replicate"), 3).transpose(1, 2).flatten(0, 1).double()
        columns = torch.cat([columns, torch.ones(len(columns), 1, dtype=torch.float64)], dim=1)
        aims = F.pixel_unshuffle(y, _SCALE).flatten(2).transpose(1, 2).flatten(0, 1).double()
        gram, moment = gram + columns.T @ columns, moment + columns.T @ aims
    ridge = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    solution = torch.linalg.solve(gram + ridge, moment).float()
    return LightProbe(weight=solution[:-1].T.reshape(-1, channels, 3, 3).contiguous(), bias=solution[-1].contiguous())


def _masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp(min=1e-3)


def _regional(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted means over neighbourhoods [B,1,H,W]."""

    def around(picture: Tensor) -> Tensor:
        return F.avg_pool2d(picture, _AROUND, stride=1, padding=_AROUND // 2)

    return around(values * weights) / around(weights).clamp(min=1e-3)


def correlation(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Weighted correlation of each picture [B]; [B,1,H,W] each."""
    first = found - _masked_mean(found, weights).view(-1, 1, 1, 1)
    second = wanted - _masked_mean(wanted, weights).view(-1, 1, 1, 1)
    scale = (_masked_mean(first.square(), weights) + 1e-4) * (_masked_mean(second.square(), weights) + 1e-4)
    return _masked_mean(first * second, weights) / scale.sqrt()


def highlight_terms(found: Tensor, wanted: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Stops found and wanted [B,1,H,W], and how clipped each value is -> the mean of each term over pictures.

    ``level``: L1 of regional means; ``structure``: L1 of what is left of them; ``correlation``: one less it, where the
    reference has structure; ``peak``: L1 of soft maxima. Pictures that clip nothing count as zero.
    """
    error = found - wanted
    regional = _regional(error, weights)
    has = (weights.sum(dim=(1, 2, 3)) > 1.0).float()
    spread = _masked_mean((wanted - _masked_mean(wanted, weights).view(-1, 1, 1, 1)).square(), weights).sqrt()
    shaped = has * (spread > _SPREAD).float()

    def peak(stops: Tensor) -> Tensor:
        logits = torch.where(weights > 0.25, _SHARPNESS * stops, torch.full_like(stops, -1e4)).flatten(1)
        return (logits.softmax(1) * stops.flatten(1)).sum(1)

    touched = has * (weights > 0.25).flatten(1).any(1).float()
    terms = {
        "level": has * _masked_mean(regional.abs(), weights),
        "structure": has * _masked_mean((error - regional).abs(), weights),
        "correlation": shaped * (1 - correlation(found, wanted, weights)),
        "peak": touched * (peak(found) - peak(wanted)).abs(),
    }
    return {name: term.mean() for name, term in terms.items()}
