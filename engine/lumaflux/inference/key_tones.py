"""Tones of key frames: the light of their highlights, and a batch's tone as those of its frames."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from lumaflux.backends.network import Network
from lumaflux.inference.active_area import Area
from lumaflux.inference.highlights import stops_between
from lumaflux.inference.tone import Tone
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve

Part = TypeVar("Part", Knots, ToneCurve)


def stops_of(
    network: Network[Any],
    begun: Tensor,
    z: Tensor,
    knots: Knots,
    clipped: Tensor,
    seen_twice: Callable[[Tensor], Tensor],
) -> Tensor:
    """What clipped areas [B,1,h,w] gain between the latents that the bridge began and ended at [B,c,h',w'], after
    ``seen_twice`` added what a second view shows. Frames that have none are not decoded."""
    found, lit = torch.zeros_like(clipped), clipped.flatten(1).any(dim=1)
    if not lit.any():
        return found
    height, width = clipped.shape[-2:]
    before, after = (network.decode_latents(latents[lit])[..., :height, :width] for latents in (begun, z))
    curve = Knots(x=knots.x[lit], y=knots.y[lit], derivatives=knots.derivatives[lit])
    found[lit] = stops_between(network.tone_field(after, z[lit], curve)[0], network.to_pq(before))
    return seen_twice(found)


def unlit_tone(
    network: Network[Any], placement: ToneCurve | None, area: Area, clipped: Tensor | None, count: int
) -> Tone | None:
    """The tone of ``count`` frames that asks for nothing the transformer finds: nothing of them is clipped (or no stops
    are wanted, ``clipped`` None), and the tone field's curve is the same for every latent. None for all others."""
    lit = clipped is not None and bool(clipped.any())
    knots = None if lit else network.fixed_knots(count)
    if knots is None:
        return None
    return Tone(placement=placement, knots=knots, area=area, stops=clipped)


def tones_in(tone: Tone, count: int) -> list[Tone]:
    """A tone of a batch as the tone of each of its ``count`` frames."""
    return [
        Tone(
            placement=None if tone.placement is None else _of_frame(tone.placement, index),
            knots=None if tone.knots is None else _of_frame(tone.knots, index),
            area=tone.area,
            stops=None if tone.stops is None else tone.stops[index : index + 1],
        )
        for index in range(count)
    ]


def _of_frame(part: Part, index: int) -> Part:
    """Of a batch's curve or placement the frame's: every member, down to the tensors, has a row a frame."""
    values: dict[str, Any] = {}
    for member in fields(part):
        value = getattr(part, member.name)
        values[member.name] = _of_frame(value, index) if isinstance(value, Knots) else value[index : index + 1]
    return type(part)(**values)
