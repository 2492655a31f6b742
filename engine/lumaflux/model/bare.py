"""The frozen transformer by itself, through diffusers' own forward and attention: what adapters are compared with."""

import copy
from typing import Any

from diffusers.models.transformers.transformer_flux import FluxAttnProcessor
from torch import Tensor

from lumaflux.model.latents import pack, position_ids
from lumaflux.model.lumaflux import Conditions, LumaFlux


class BareTransformer:
    """A copy of ``model``'s transformer, without its adapters."""

    def __init__(self, model: LumaFlux):
        self._transformer: Any = copy.deepcopy(model.transformer)
        self._transformer.set_attn_processor(FluxAttnProcessor())

    def __call__(self, z: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """Latents [B,c,h,w] and flow times [B] -> velocity of the packed tokens [B,n,4c]."""
        count = conditions.context.shape[1]
        ids = position_ids(count, (z.shape[-2] // 2, z.shape[-1] // 2), z.device)
        return self._transformer(
            hidden_states=pack(z),
            encoder_hidden_states=conditions.context,
            pooled_projections=conditions.pooled,
            timestep=t,
            txt_ids=ids[:count],
            img_ids=ids[count:],
            return_dict=False,
        )[0]
