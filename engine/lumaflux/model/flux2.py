"""FLUX.2's transformer behind the interface of FLUX.1's (diffusers' Flux2Transformer2DModel).

What differs: modulations are shared by all blocks of a kind and made once a velocity; single-stream blocks project
query, key, value and the feed-forward part by one matrix, of whose output the value part takes the update; there is no
pooled vector; positions have four axes (time, row, column, index in the context); projections have no biases.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lumaflux.model.attention import SteeredAttention, attend
from lumaflux.model.frozen_shapes import Shape


def build_flux2(transformer: Shape) -> Any:
    """A randomly initialised transformer of a configuration's ``transformer``."""
    from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel

    return Flux2Transformer2DModel(**{key: value for key, value in transformer.items() if key != "architecture"})


class SteeredParallelAttention:
    """The processor of a single-stream block: as diffusers' own, but ``value_update(x, v)`` stands for the value part
    ``v`` of the fused projection of ``x``."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Tensor | tuple[Tensor, Tensor] | None = None,
        value_update: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor:
        width = attn.inner_dim
        fused = attn.to_qkv_mlp_proj(hidden_states)
        query, key, value, inner = fused.split([width, width, width, fused.shape[-1] - 3 * width], dim=-1)
        if value_update is not None:
            value = value_update(hidden_states, value.contiguous())
        query, key, value = (part.unflatten(-1, (-1, attn.head_dim)) for part in (query, key, value))
        query, key = attn.norm_q(query), attn.norm_k(key)
        out = attend(query, key, value, image_rotary_emb, attention_mask)
        return attn.to_out(torch.cat([out, attn.mlp_act_fn(inner)], dim=-1))


def steer_flux2(transformer: Any) -> None:
    """Gives every attention of the transformer the processor that takes an update of its value."""
    for block in transformer.transformer_blocks:
        block.attn.set_processor(SteeredAttention())
    for block in transformer.single_transformer_blocks:
        block.attn.set_processor(SteeredParallelAttention())


def unsteer_flux2(transformer: Any) -> None:
    """Gives every attention diffusers' own processor back."""
    for block in [*transformer.transformer_blocks, *transformer.single_transformer_blocks]:
        block.attn.set_processor(block.attn._default_processor_cls())


def modulations(transformer: Any, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flow times [B] in [0,1] -> temb [B,d], and what modulates blocks: double-stream [B,12d], single-stream [B,3d]."""
    temb = transformer.time_guidance_embed(1000 * t, None)
    double = transformer.double_stream_modulation_img(temb), transformer.double_stream_modulation_txt(temb)
    return temb, torch.cat(double, dim=-1), transformer.single_stream_modulation(temb)


def block_arguments(made: tuple[Tensor, Tensor, Tensor], *, double: bool) -> dict[str, Any]:
    """What a block takes of ``modulations``."""
    if double:
        image, context = made[1].chunk(2, dim=-1)
        return {"temb_mod_img": image, "temb_mod_txt": context}
    return {"temb_mod": made[2], "split_hidden_states": True}
