"""Attention of a Flux block with an update added to its value projection."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_flux import FluxAttention
from torch import Tensor


class SteeredAttention:
    """A diffusers attention processor: as the stock one, plus ``value_update(x)`` on the image tokens' ``to_v``.

    The update comes in as an argument of the call, never as state of the module, so that gradient checkpointing
    sees the same function twice.
    """

    def __call__(
        self,
        attn: FluxAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        value_update: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        value = attn.to_v(hidden_states)
        if value_update is not None:
            value = value + value_update(hidden_states)
        query = attn.norm_q(_split_heads(attn.to_q(hidden_states), attn))
        key = attn.norm_k(_split_heads(attn.to_k(hidden_states), attn))
        value = _split_heads(value, attn)
        context = 0
        if encoder_hidden_states is not None:
            context = encoder_hidden_states.shape[1]
            context_query = attn.norm_added_q(_split_heads(attn.add_q_proj(encoder_hidden_states), attn))
            context_key = attn.norm_added_k(_split_heads(attn.add_k_proj(encoder_hidden_states), attn))
            context_value = _split_heads(attn.add_v_proj(encoder_hidden_states), attn)
            query = torch.cat([context_query, query], dim=1)
            key = torch.cat([context_key, key], dim=1)
            value = torch.cat([context_value, value], dim=1)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb, sequence_dim=1)
            key = apply_rotary_emb(key, image_rotary_emb, sequence_dim=1)
        out = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=attention_mask
        )
        out = out.transpose(1, 2).flatten(2).to(query.dtype)
        if encoder_hidden_states is None:
            return out
        context_out, image_out = out.split([context, out.shape[1] - context], dim=1)
        return attn.to_out[0](image_out.contiguous()), attn.to_add_out(context_out.contiguous())


def _split_heads(x: Tensor, attn: FluxAttention) -> Tensor:
    return x.unflatten(-1, (-1, attn.head_dim))
