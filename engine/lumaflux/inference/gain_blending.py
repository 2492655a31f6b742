"""Steadies what the model generates: a frame's gain map is averaged with its neighbours', along the motion.

The window is finite and symmetric, so a frame depends on its neighbours in the source alone, not on what was rendered
before it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lumaflux.inference.composition import with_gain
from lumaflux.inference.detail import colour_share
from lumaflux.inference.motion import Motion, warp
from lumaflux.model.tone_predictor import ToneCurve

REACH = 2  # frames on either side
_DEVIATION = 1.5  # frames: the Gaussian that weighs them


@dataclass(frozen=True, kw_only=True)
class FrameGain:
    """What the model made of a frame, at the reduced size, all [B,3,h,w].

    ``reduced``: the SDR that it saw; ``base_pq``: that placed in light; ``hdr_pq``: its picture; ``gain``: stops from
    the base to it.
    """

    reduced: Tensor
    base_pq: Tensor
    hdr_pq: Tensor
    gain: Tensor
    placement: ToneCurve | None


def with_tone_of_the_shot(light: FrameGain, share: float) -> FrameGain:
    """The light with ``share`` in [0,1] of its mean gain taken away, the same for all channels.

    Under a shot's tone its placement says how bright the frame is; the model's mean gain differs from frame to frame,
    and would make the shot pump.
    """
    if share == 0.0:
        return light
    change = -share * light.gain.mean(dim=(1, 2, 3), keepdim=True).expand_as(light.gain)
    return replace(light, gain=light.gain + change, hdr_pq=with_gain(light.hdr_pq, change))


def blended(own: FrameGain, neighbours: Mapping[int, tuple[FrameGain, Motion]], amount: float) -> FrameGain:
    """The light of one frame (B = 1) with the gain of its ``neighbours``: by their distance in frames, each with the
    motion into it.

    ``amount`` in [0,1] is how much they count; where a neighbour does not show a pixel, it does not count there. A grey
    pixel takes no colour from them.
    """
    if not neighbours or amount == 0:
        return own
    whole = torch.ones_like(own.gain[0, 0])
    change = torch.zeros_like(own.gain)
    for distance, (other, found) in sorted(neighbours.items()):
        weight = amount * math.exp(-0.5 * (distance / _DEVIATION) ** 2) * found.confidence
        change += weight * (warp(other.gain, found.displacement)[0] - own.gain)
        whole = whole + weight
    change = change / whole
    change = torch.lerp(change.mean(dim=1, keepdim=True).expand_as(change), change, colour_share(own.base_pq))
    return replace(own, gain=own.gain + change, hdr_pq=with_gain(own.hdr_pq, change))
