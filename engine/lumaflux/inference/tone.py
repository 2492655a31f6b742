"""What a frame's tone is: where the tone predictor places it, the curve of the tone field, and the picture area that
both were found on. Tones can be mixed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from lumaflux.inference.active_area import Area
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve, static_curve

Part = TypeVar("Part", ToneCurve, Knots)


@dataclass(frozen=True, kw_only=True)
class Tone:
    """Of a batch [B]. ``placement`` is None for a model without a tone predictor, ``knots`` where those that the model
    ends at are taken; with ``area`` None a frame finds its own. ``stops`` [1,1,h,w] in [0, LARGEST_RECOVERY]: what
    clipped areas gain, of a reduced frame; the network is asked where they are None."""

    placement: ToneCurve | None
    knots: Knots | None
    area: Area | None = None
    stops: Tensor | None = None


def mix(tones: Sequence[Tone], weights: Sequence[float]) -> Tone:
    """The mean of tones with weights that sum to 1, number by number; the picture area is that of the first. It has no
    stops.

    Monotone curves stay monotone, ends stay ends, and rows of a matrix keep their sum: each is a convex set.
    """
    placements = [tone.placement for tone in tones if tone.placement is not None]
    knots = [tone.knots for tone in tones if tone.knots is not None]
    return Tone(
        placement=_mix(placements, weights) if placements else None,
        knots=_mix(knots, weights) if knots else None,
        area=tones[0].area,
    )


def toned(tone: Tone, amount: float) -> Tone:
    """A tone of which ``amount`` in [0,1] is left, and the rest is static placement at reference white."""
    if amount == 1.0 or tone.placement is None:
        return tone
    return replace(tone, placement=_mix([static_curve(tone.placement), tone.placement], [1 - amount, amount]))


def _mix(parts: Sequence[Part], weights: Sequence[float]) -> Part:
    mixed = {}
    for member in fields(parts[0]):
        values = [getattr(part, member.name) for part in parts]
        if isinstance(values[0], Knots):
            mixed[member.name] = _mix(values, weights)
        else:
            mixed[member.name] = _weighted(values, weights)
    return type(parts[0])(**mixed)


def _weighted(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    weighted = [weight * value.to(values[-1].device) for weight, value in zip(weights, values, strict=True)]
    return torch.stack(torch.broadcast_tensors(*weighted)).sum(0)
