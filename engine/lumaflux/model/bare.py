"""The frozen transformer by itself, through diffusers' own forward and attention: what adapters are compared with."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from lumaflux.model.attention import steer
from lumaflux.model.flux2 import steer_flux2, unsteer_flux2
from lumaflux.model.flux_transformer import FluxTransformer
from lumaflux.model.latents import pack, position_ids
from lumaflux.model.lumaflux import Conditions, LumaFlux


class BareTransformer:
    """``transformer``, or a copy of ``model``'s, without its adapters."""

    def __init__(self, model: LumaFlux, transformer: Any = None):
        from diffusers.models.transformers.transformer_flux import FluxAttnProcessor

        self._transformer: Any = _of_diffusers(model.transformer) if transformer is None else transformer
        self._guided = bool(model.config.transformer.get("guidance_embeds"))
        self._axes = model.config.position_axes
        if model.config.second_generation:
            unsteer_flux2(self._transformer)
        else:
            self._transformer.set_attn_processor(FluxAttnProcessor())

    def __call__(self, z: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """Latents [B,c,h,w] and flow times [B] -> velocity of the packed tokens [B,n,4c]."""
        count = conditions.context.shape[1]
        ids = position_ids(count, (z.shape[-2] // 2, z.shape[-1] // 2), z.device, self._axes)
        pooled = {} if conditions.pooled is None else {"pooled_projections": conditions.pooled}
        return self._transformer(
            hidden_states=pack(z),
            encoder_hidden_states=conditions.context,
            **pooled,
            timestep=t,
            txt_ids=ids[:count],
            img_ids=ids[count:],
            guidance=torch.ones_like(t) if self._guided else None,
            return_dict=False,
        )[0]


@contextmanager
def bare(model: LumaFlux) -> Iterator[BareTransformer]:
    """``model``'s own transformer without its adapters, for as long as the block lasts: FLUX.1's is not copied."""
    try:
        own = isinstance(model.transformer, FluxTransformer)
        yield BareTransformer(model, None if own else model.transformer)
    finally:
        (steer_flux2 if model.config.second_generation else steer)(model.transformer)


def _of_diffusers(transformer: Any) -> Any:
    """A copy of the transformer as diffusers has it."""
    if not isinstance(transformer, FluxTransformer):
        return copy.deepcopy(transformer)
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    made = FluxTransformer2DModel(**transformer.config)
    made.load_state_dict(transformer.state_dict())
    return cast(Any, made).to(transformer.x_embedder.weight).requires_grad_(False).eval()
