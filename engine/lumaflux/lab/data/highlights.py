"""Pairs for highlights: scenes exposed so that a drawn share of each clips, and how much light the clipping took.

The tone is given: SDR is the scene's own light, clipped, so that only what was lost is left to find. Some pictures have
a grade, grading errors, noise or JPEG blocks on top, and some are rendered as phones render. Pictures are drawn at the
views' size; codes and light are then brought to the size that a model works at, as a frame is. Batched, on any device.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import bt1886, pq
from lumaflux.color.clipping import clipped_area, share_of_gain
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, apply_matrix, luminance, rgb_to_rgb
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.lab.data.author_rendering import render_author
from lumaflux.lab.data.damage import damaged
from lumaflux.lab.data.draws import happens, rand, uniform
from lumaflux.lab.data.graphics import OverlaidGraphics
from lumaflux.lab.data.imperfections import imperfections, quantize
from lumaflux.lab.data.mastering import PEAK_NITS, SHOULDER_NITS, SHOULDER_RANGE_NITS, shoulder
from lumaflux.lab.data.random_rendering import random_warp, warp

_SHARES = ((0.70, 0.02, 0.12), (0.15, 0.12, 0.35), (0.12, 0.002, 0.02))  # how often, and of how much of the frame
_UNCLIPPED = 1.25  # times the brightest pixel: the clipping level of the rest
_KNEE_SHARE, _KNEE = 0.35, (0.75, 0.95)  # of cameras that round the shoulder off, and where it begins
_AUTHOR_SHARE, _AUTHOR_STOPS = 0.12, (0.5, 2.5)  # rendered as phones and editors do, and how much brighter than masters
_GRADED_SHARE, _GRADE = 0.4, 0.3  # by a curve of its own that leaves white, and how far from straight
_WORN_SHARE, _CARRIED_SHARE = 0.2, 0.4  # with grading errors; with noise or JPEG blocks
_WHITE_NITS = (150.0, 400.0)  # where the tone places SDR white
_OVERLAID = 0.15
_BEGINNING = 0.1  # of what an author's picture clips lies below where it is said to begin
_FLOOR = 1e-4


class HighlightPair(NamedTuple):
    """``sdr`` codes [B,3,H,W] in [0,1]; ``stops`` [B,1,H,W]: luminance of the scene over that of the clipped picture,
    >= 0, before any tone; ``white`` [B]: cd/m2 at which static placement puts SDR white."""

    sdr: Tensor
    stops: Tensor
    white: Tensor


@dataclass(frozen=True, kw_only=True)
class ReducedHighlights:
    """What a model sees and should find, at its working size. ``clipped`` [B,1,h,w] is the share of a pixel's area that
    is clipped, ``stops`` [B,1,h,w] the light that the target adds there, on average over that area."""

    sdr: Tensor
    base_pq: Tensor
    target_pq: Tensor
    clipped: Tensor
    stops: Tensor


def scene_light(master_pq: Tensor) -> Tensor:
    """Masters [B,3,H,W] -> light in cd/m2 without the mastering shoulder, BT.2020."""
    nits = pq.eotf(master_pq)
    peak = nits.amax(dim=1, keepdim=True)
    over = ((peak - SHOULDER_NITS) / SHOULDER_RANGE_NITS).clamp(0, 1 - 1e-5)
    straight = SHOULDER_NITS - SHOULDER_RANGE_NITS * torch.log1p(-over)
    return nits * torch.where(peak > SHOULDER_NITS, straight / peak.clamp(min=SHOULDER_NITS), torch.ones_like(peak))


def expose(master_pq: Tensor, generator: torch.Generator, graphics: OverlaidGraphics | None = None) -> HighlightPair:
    """Masters [B,3,H,W] -> their pictures by cameras whose sensor clips a drawn share of each, or by an author.

    Those of an author are the first of the batch. ``graphics`` of the masters' size lie over some of them.
    """
    light = apply_matrix(rgb_to_rgb(BT2020, BT709), scene_light(master_pq)).clamp(min=0)
    rendered = sum(happens(_AUTHOR_SHARE, generator) for _ in range(len(light)))
    parts = [_rendered(light[:rendered], generator)] if rendered else []
    if rendered < len(light):
        parts.append(_photographed(light[rendered:], generator))
    sdr, relative = (torch.cat(both) for both in zip(*parts, strict=True))
    sdr = _carried(sdr, generator)
    shown = luminance(bt1886.eotf(sdr, white_nits=1.0), BT709_LUMA)
    stops = torch.log2((luminance(relative, BT709_LUMA) + _FLOOR) / (shown + _FLOOR)).clamp(min=0) * clipped_area(sdr)
    if graphics is not None:
        sdr, covered = graphics.over(sdr, _OVERLAID, generator)
        stops = torch.where(covered, torch.zeros_like(stops), stops)
    low, high = (math.log(nits) for nits in _WHITE_NITS)
    return HighlightPair(sdr, stops, torch.exp(uniform((len(sdr),), low, high, generator)))


def _photographed(light: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Light [B,3,H,W] -> the signal of a camera, and the light that it would need to show all of it, white being 1."""
    column = (len(light), 1, 1, 1)
    relative = light / _clipping_level(light, generator).clamp(min=_FLOOR)
    linear = relative.clamp(max=1.0)
    knee = uniform(column, *_KNEE, generator)
    rounded = knee - (1 - knee) * torch.expm1(-(relative - knee).clamp(min=0) / (1 - knee))
    kneed = (rand(column, generator) < _KNEE_SHARE) & (relative >= knee)
    signal = bt1886.inverse_eotf(torch.where(kneed, rounded, linear), white_nits=1.0).clamp(0, 1)
    graded = warp(signal, random_warp(len(signal), _GRADE, generator))
    return torch.where(rand(column, generator) < _GRADED_SHARE, graded, signal), relative


def _clipping_level(light: Tensor, generator: torch.Generator) -> Tensor:
    """The light [B,1,1,1] beyond which a drawn share of each picture lies; for a few, more than any has."""
    count = len(light)
    rising = light.amax(dim=1).flatten(1).sort(dim=1).values
    kind, share = rand((count,), generator), torch.zeros(count, device=light.device)
    begin = 0.0
    for often, low, high in _SHARES:
        drawn = torch.exp(uniform((count,), math.log(low), math.log(high), generator))
        share = torch.where((kind >= begin) & (kind < begin + often), drawn, share)
        begin += often
    last = rising.shape[1] - 1
    level = rising.gather(1, ((1 - share) * last).round().long().clamp(0, last)[:, None])[:, 0]
    return torch.where(share > 0, level, _UNCLIPPED * rising[:, -1]).view(-1, 1, 1, 1)


def _rendered(light: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same by an author's law: white is the light at which a picture begins to clip."""
    brighter = light * torch.exp2(uniform((len(light), 1, 1, 1), *_AUTHOR_STOPS, generator))
    wide = apply_matrix(rgb_to_rgb(BT709, BT2020), brighter).clamp(min=0)
    signal = render_author(pq.inverse_eotf(shoulder(wide)), generator).clamp(0, 1)
    clipped = clipped_area(signal).flatten(1) > 0
    largest = light.amax(dim=1).flatten(1)
    rising = torch.where(clipped, largest, torch.inf).sort(dim=1).values
    count = clipped.sum(dim=1, keepdim=True)
    beginning = rising.gather(1, (_BEGINNING * (count - 1).clamp(min=0)).long())
    level = torch.where(count > 0, beginning, largest.amax(dim=1, keepdim=True))
    return signal, light / level.clamp(min=_FLOOR).view(-1, 1, 1, 1)


def _carried(signal: Tensor, generator: torch.Generator) -> Tensor:
    """Signals to 8 bits, some by way of a bad grade or of carriage that damages."""
    column = (len(signal), 1, 1, 1)
    signal = torch.where(rand(column, generator) < _WORN_SHARE, imperfections(signal, generator), signal)
    damage = damaged(signal, generator)
    return torch.where(rand(column, generator) < _CARRIED_SHARE, damage, quantize(signal))


def relit(base_pq: Tensor, stops: Tensor) -> Tensor:
    """A placed picture [B,3,H,W] PQ/BT.2020 with ``stops`` [B,1,H,W] of light more, at most 1000 cd/m2."""
    return pq.inverse_eotf(torch.where(stops > 0, shoulder(pq.eotf(base_pq) * torch.exp2(stops)), pq.eotf(base_pq)))


def reduced(pair: HighlightPair, base_pq: Tensor, size: tuple[int, int]) -> ReducedHighlights:
    """A pair and its placed picture [B,3,H,W] at ``size`` (rows, columns)."""

    def smaller(picture: Tensor) -> Tensor:
        return F.interpolate(picture, size, mode="bilinear", align_corners=False, antialias=True)

    area = clipped_area(pair.sdr)
    white = luminance(pq.eotf(relit(base_pq, pair.stops))) / luminance(pq.eotf(base_pq)).clamp(min=_FLOOR)
    gained = torch.log2(white.clamp(min=_FLOOR))
    clipped = smaller(area)
    stops = smaller(area * gained) / clipped.clamp(min=1e-3)
    sdr, base = smaller(pair.sdr), smaller(base_pq)
    target = pq.inverse_eotf((pq.eotf(base) * torch.exp2(stops * share_of_gain(clipped))).clamp(max=PEAK_NITS))
    return ReducedHighlights(sdr=sdr, base_pq=base, target_pq=target, clipped=clipped, stops=stops)


def pairs_to_pq(pair: HighlightPair) -> Tensor:
    """The pairs' codes placed with white at their ``white``: PQ/BT.2020 [B,3,H,W]."""
    return sdr_to_pq(pair.sdr, pair.white.view(-1, 1, 1, 1))
