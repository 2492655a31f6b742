"""Attention of a Flux block with an update added to its value projection."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


class SteeredAttention:
    """A diffusers attention processor: as the stock one, but ``value_update(x, to_v(x))`` stands for ``to_v(x)``.

    ``attn`` is diffusers' FluxAttention, or one with the same projections (lumaflux.model.flux_transformer).

    The update comes in as an argument of the call, never as state of the module, so that gradient checkpointing
    sees the same function twice.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Tensor | tuple[Tensor, Tensor] | None = None,
        value_update: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        value = attn.to_v(hidden_states)
        if value_update is not None:
            value = value_update(hidden_states, value)
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
        out = attend(query, key, value, image_rotary_emb, attention_mask)
        if encoder_hidden_states is None:
            return out
        context_out, image_out = out.split([context, out.shape[1] - context], dim=1)
        return attn.to_out[0](image_out.contiguous()), attn.to_add_out(context_out.contiguous())


def _differentiable() -> AbstractContextManager[object]:
    """All implementations of attention but cuDNN's, whose gradients in bf16 were not numbers in three of four updates
    on one H200 (torch 2.11, cuDNN 9.19); those of the others always were."""
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


def attend(
    query: Tensor, key: Tensor, value: Tensor, rotary: Tensor | tuple[Tensor, Tensor] | None, mask: Tensor | None
) -> Tensor:
    """Heads of ``query``, ``key`` and ``value`` [B,n,h,d] at their positions -> what they attend to [B,n,h*d]."""
    if rotary is not None:
        turns = rotary if isinstance(rotary, Tensor) else rotary_turns(*rotary)
        query, key = rotate(query, turns), rotate(key, turns)
    with _differentiable() if torch.is_grad_enabled() and query.is_cuda else nullcontext():
        out = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=mask
        )
    return out.transpose(1, 2).flatten(2).to(query.dtype)


def steer(transformer: Any) -> None:
    """Gives diffusers' FluxTransformer2DModel this attention; lumaflux.model.flux_transformer's has it already."""
    if hasattr(transformer, "set_attn_processor"):
        transformer.set_attn_processor(SteeredAttention())


def _split_heads(x: Tensor, attn: Any) -> Tensor:
    return x.unflatten(-1, (-1, attn.head_dim))


def rotary_turns(cosines: Tensor, sines: Tensor) -> Tensor:
    """diffusers' rotary tables [tokens, d_h], each angle twice -> cosine and sine [1, tokens, 1, d_h/2, 2]."""
    return torch.stack([cosines[:, ::2].float(), sines[:, ::2].float()], dim=-1)[None, :, None]


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turns neighbouring channel pairs of x [B, tokens, heads, d_h] by ``turns``, as ``rotary_turns`` gives them.

    Eagerly as a product of complex numbers: diffusers' bits, faster. Compilers and engines, which have no complex
    numbers or no code for them, see the real products.
    """
    if torch.compiler.is_compiling():
        real, imaginary = x.float().unflatten(-1, (-1, 2)).unbind(-1)
        cosine, sine = turns.float().unbind(-1)
        turned = torch.stack([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=-1)
        return turned.flatten(-2).to(x.dtype)
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * torch.view_as_complex(turns)).flatten(-2).to(x.dtype)
