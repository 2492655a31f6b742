"""SDR of training pairs, a whole batch at a time and on any device: what lumaflux.lab.data.renderings does one by one.

The host decides how many samples each rendering gets; they are neighbours in the batch, for masters are drawn at random
anyway, and each family is one pass over its samples with parameters of their own. Nothing asks the device for a value.
Two things differ from one by one: samples of one batch share the radius of a local rendering and the parameters of
bt2446c and bt2390, whose matrices and knees are made on the host; aces-1.3 is a lattice.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.color.primaries import luminance
from lumaflux.lab.data.draws import how_many, normal, number, rand, uniform
from lumaflux.lab.data.imperfections import imperfections, quantize
from lumaflux.lab.data.lattice import TABLES, lattice
from lumaflux.lab.data.local_rendering import LOCAL_FAMILIES, render_local
from lumaflux.lab.data.random_rendering import render_random
from lumaflux.lab.data.reference_white_rendering import render_reference_white
from lumaflux.lab.data.renderings import (
    BRIGHT_NITS,
    EXPOSURE_DEVIATION,
    LOCAL_SHARE,
    PEAK_NITS,
    REFERENCE_WHITE_BRIGHT,
    REFERENCE_WHITE_SHARE,
    STANDARD_SHARE,
    WORN_SHARE,
)

Draw = Callable[[float, float], Tensor]
# Parameters of samples [n,1,1,1], drawn around the standard as lumaflux.lab.data.renderings has them.
_BY_SAMPLE: dict[str, Callable[[Draw], dict[str, Tensor]]] = {
    "hard-clip": lambda draw: {"clip_nits": draw(120.0, 350.0)},
    "reinhard": lambda draw: {"white": draw(5.0, 14.0)},
    "logc": lambda draw: {"white_nits": draw(75.0, 140.0)},
    "gamma-clip": lambda draw: {"clip_nits": draw(203.0, 1000.0), "gamma": draw(2.2, 2.4)},
}
_BY_BATCH: dict[str, tuple[str, float, float]] = {
    "bt2446c": ("crosstalk", 0.0, 0.1),
    "bt2390": ("target_peak", 80.0, 140.0),
}


def render_batch(
    hdr_pq: Tensor,
    generator: torch.Generator,
    random_share: float = 0.3,
    operators: Sequence[str] = tuple(OPERATORS),
) -> Tensor:
    """Masters [B,3,H,W] -> 8-bit SDR signals on their device: each by one of ``operators``, standard or around it, or
    by another rendering, as lumaflux.lab.data.renderings.render_pairs."""
    outside = how_many(len(hdr_pq), [1 - random_share, random_share], generator)[1]
    parts = []
    if outside:
        parts.append(imperfections(_outside(hdr_pq[:outside], generator), generator))
    rest = hdr_pq[outside:]
    if len(rest):
        counts = how_many(len(rest), [1.0] * len(operators), generator)
        groups = zip(operators, rest.split(counts), strict=True)
        clean = torch.cat([_jittered(name, group, generator) for name, group in groups if len(group)])
        worn = rand((len(clean), 1, 1, 1), generator) < WORN_SHARE
        parts.append(torch.where(worn, imperfections(clean, generator), quantize(clean)))
    return torch.cat(parts)


def _outside(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """By none of the operators. Which are at reference white depends on the master's brightness, which the device knows
    alone: those that may be either are rendered both ways."""
    either = REFERENCE_WHITE_BRIGHT - REFERENCE_WHITE_SHARE
    shares = [REFERENCE_WHITE_SHARE, either, 1 - REFERENCE_WHITE_BRIGHT]
    white, mixed, other = hdr_pq.split(how_many(len(hdr_pq), shares, generator))
    parts = [render_reference_white(white, generator)] if len(white) else []
    if len(mixed):
        average = luminance(pq.eotf(mixed)).clamp(min=0.01).log().mean(dim=(1, 2, 3), keepdim=True).exp()
        bright, dark = render_reference_white(mixed, generator), _pointwise_or_local(mixed, generator)
        parts.append(torch.where(average > BRIGHT_NITS, bright, dark))
    if len(other):
        parts.append(_pointwise_or_local(other, generator))
    return torch.cat(parts)


def _pointwise_or_local(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    local = LOCAL_SHARE / (1 - REFERENCE_WHITE_SHARE)
    families = list(LOCAL_FAMILIES)
    counts = how_many(len(hdr_pq), [1 - local, *[local / len(families)] * len(families)], generator)
    curves, *by_family = hdr_pq.split(counts)
    parts = [render_random(curves, generator)] if len(curves) else []
    parts += [render_local(part, name, generator) for name, part in zip(families, by_family, strict=True) if len(part)]
    return torch.cat(parts)


def _jittered(name: str, hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """Signals by one operator: at the standard for most samples, around it for the others."""
    column = (len(hdr_pq), 1, 1, 1)
    render: Callable[..., Any] = lattice(name, hdr_pq.device) if name in TABLES else OPERATORS[name]
    light = pq.eotf(hdr_pq)
    standard = render(light).clamp(0, 1)
    moved = light * torch.exp2(EXPOSURE_DEVIATION * normal(column, generator))

    def draw(low: float, high: float) -> Tensor:
        return uniform(column, low, high, generator)

    parameters: dict[str, Any] = _BY_SAMPLE[name](draw) if name in _BY_SAMPLE else {}
    if name in _BY_BATCH:
        parameter, low, high = _BY_BATCH[name]
        parameters = {parameter: number(low, high, generator)}
    around = render(moved.clamp(max=PEAK_NITS), **parameters).clamp(0, 1)
    return torch.where(rand(column, generator) < STANDARD_SHARE, standard, around)
