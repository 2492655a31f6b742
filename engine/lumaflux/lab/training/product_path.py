"""The product's path with gradients: what was generated on a reduced frame, as light of the source's own pixels.

The pictures are those of ``Converter.render``, but for debanding and look.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lumaflux.inference.composition import GainGrid, compose_reference
from lumaflux.inference.detail import gain_between
from lumaflux.model.lumaflux import LumaFlux
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings

_RECOVERY = Settings().highlight_recovery


class Begun(NamedTuple):
    """Where the bridge began: the ``reduced`` SDR [B,3,h,w], its ``placement``, its latents without noise."""

    reduced: Tensor
    placement: ToneCurve | None
    z_start: Tensor


def with_source_detail(network: LumaFlux, generated_pq: Tensor, begun: Begun, sdr: Tensor) -> Tensor:
    """The picture [B,3,h,w] that was generated from ``begun`` -> PQ/BT.2020 [B,3,H,W], the detail being of ``sdr``."""

    def place(codes: Tensor) -> Tensor:
        return network.to_pq(network.start(codes, begun.placement))

    with torch.no_grad():
        begun_pq, base_pq = network.to_pq(network.decode_latents(begun.z_start)), place(begun.reduced)
    light = GainGrid.of(gain_between(generated_pq, begun_pq, base_pq), base_pq)
    return compose_reference(sdr, sdr, place, light, _RECOVERY)
