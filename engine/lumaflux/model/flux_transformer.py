"""The Flux transformer in plain torch: the names of FLUX.1's weights, the bits of diffusers' FluxTransformer2DModel.

For small backbones, whose first frame should not wait for the import of diffusers; those of FLUX.1 itself are loaded by
diffusers. Double-stream blocks hold context and picture apart beside one attention, single-stream blocks hold them in
one row of tokens (Black Forest Labs 2024; adaLN-Zero: Peebles and Xie 2023).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.model.attention import SteeredAttention

_EPS = 1e-6
THETA = 10000.0  # of rotary positions and of the embedding of flow time
_TIME_CHANNELS = 256
_WIDENING = 4  # of the feed-forward layers
_HALF_LARGEST = 65504.0


class RotaryPositions(nn.Module):
    """Cosine and sine of every angle, each twice: ids [n,axes] -> two float32 [n, sum of ``axes_dim``]."""

    def __init__(self, axes_dim: Sequence[int], theta: float = THETA):
        super().__init__()
        self.axes_dim, self.theta = tuple(axes_dim), theta

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        exact = torch.float32 if ids.device.type == "mps" else torch.float64  # which MPS has not
        places = ids.float()
        angles = []
        for axis, width in enumerate(self.axes_dim):
            steps = torch.arange(0, width, 2, dtype=exact, device=ids.device) / width
            angles.append(torch.outer(places[:, axis], 1.0 / self.theta**steps).repeat_interleave(2, dim=1))
        turned = [(angle.cos().float(), angle.sin().float()) for angle in angles]
        return torch.cat([cosine for cosine, _ in turned], dim=-1), torch.cat([sine for _, sine in turned], dim=-1)


class _TwoLayers(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        self.linear_1 = nn.Linear(channels, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


class _TimeAndText(nn.Module):
    """Flow times, times 1000, [B] and pooled context [B,p] -> what modulates every block [B,d]."""

    def __init__(self, pooled: int, width: int, *, guided: bool):
        super().__init__()
        self.timestep_embedder = _TwoLayers(_TIME_CHANNELS, width)
        self.guidance_embedder = _TwoLayers(_TIME_CHANNELS, width) if guided else None
        self.text_embedder = _TwoLayers(pooled, width)

    def forward(self, time: Tensor, *rest: Tensor) -> Tensor:
        """``rest``: the pooled context, after the guidance where the model has one."""
        pooled = rest[-1]
        made = self.timestep_embedder(_waves(time).to(pooled.dtype))
        if self.guidance_embedder is not None:
            made = made + self.guidance_embedder(_waves(rest[0]).to(pooled.dtype))
        return made + self.text_embedder(pooled)


def _waves(time: Tensor) -> Tensor:
    half = _TIME_CHANNELS // 2
    falling = torch.exp(-math.log(THETA) * torch.arange(half, dtype=torch.float32, device=time.device) / half)
    angles = time[:, None].float() * falling[None, :]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class _Modulation(nn.Module):
    """A normalised row of tokens, shifted and scaled by the time embedding; with it come ``parts`` - 2 further rows."""

    def __init__(self, width: int, parts: int):
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(width, parts * width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=_EPS)

    def forward(self, x: Tensor, temb: Tensor) -> tuple[Tensor, ...]:
        shift, scale, *others = self.linear(F.silu(temb)).chunk(self.parts, dim=1)
        return self.norm(x) * (1 + scale[:, None]) + shift[:, None], *others


class _LastModulation(nn.Module):
    """The same before the last projection: there the scale comes first."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=_EPS)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        scale, shift = self.linear(F.silu(temb).to(x.dtype)).chunk(2, dim=1)
        return self.norm(x) * (1 + scale)[:, None] + shift[:, None]


class _Gelu(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Linear(width, _WIDENING * width)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.proj(x), approximate="tanh")


class _FeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.net = nn.ModuleList([_Gelu(width), nn.Identity(), nn.Linear(_WIDENING * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class _Attention(nn.Module):
    """The projections of an attention; :class:`SteeredAttention` computes it. ``joint``: with a context beside it."""

    def __init__(self, width: int, head_dim: int, *, joint: bool):
        super().__init__()
        self.head_dim = head_dim
        self.norm_q, self.norm_k = (nn.RMSNorm(head_dim, eps=_EPS) for _ in range(2))
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        if joint:
            self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Identity()])
            self.norm_added_q, self.norm_added_k = (nn.RMSNorm(head_dim, eps=_EPS) for _ in range(2))
            self.add_q_proj, self.add_k_proj, self.add_v_proj = (nn.Linear(width, width) for _ in range(3))
            self.to_add_out = nn.Linear(width, width)
        self._attend: Callable[..., Any] = SteeredAttention()

    def forward(self, x: Tensor, context: Tensor | None, rotary: Any, steering: dict[str, Any]) -> Any:
        return self._attend(self, x, context, image_rotary_emb=rotary, **steering)


class DoubleStreamBlock(nn.Module):
    def __init__(self, width: int, head_dim: int):
        super().__init__()
        self.norm1, self.norm1_context = _Modulation(width, 6), _Modulation(width, 6)
        self.attn = _Attention(width, head_dim, joint=True)
        self.norm2, self.norm2_context = (nn.LayerNorm(width, elementwise_affine=False, eps=_EPS) for _ in range(2))
        self.ff, self.ff_context = _FeedForward(width), _FeedForward(width)

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Picture [B,n,d] and context [B,m,d] -> context and picture; the names are those of diffusers' blocks."""
        picture, *of_picture = self.norm1(hidden_states, temb)
        context, *of_context = self.norm1_context(encoder_hidden_states, temb)
        seen, told = self.attn(picture, context, image_rotary_emb, joint_attention_kwargs or {})
        hidden_states = _fed(hidden_states, seen, of_picture, self.norm2, self.ff)
        encoder_hidden_states = _fed(encoder_hidden_states, told, of_context, self.norm2_context, self.ff_context)
        return _in_range(encoder_hidden_states), hidden_states


def _fed(x: Tensor, attended: Tensor, parts: Sequence[Tensor], norm: nn.Module, feed: nn.Module) -> Tensor:
    gate, shift, scale, feed_gate = (part[:, None] for part in parts)
    x = x + gate * attended
    return x + feed_gate * feed(norm(x) * (1 + scale) + shift)


class SingleStreamBlock(nn.Module):
    def __init__(self, width: int, head_dim: int):
        super().__init__()
        self.norm = _Modulation(width, 3)
        self.proj_mlp = nn.Linear(width, _WIDENING * width)
        self.proj_out = nn.Linear((1 + _WIDENING) * width, width)
        self.attn = _Attention(width, head_dim, joint=False)

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As a double-stream block's."""
        count = encoder_hidden_states.shape[1]
        row = torch.cat([encoder_hidden_states, hidden_states], dim=1)
        x, gate = self.norm(row, temb)
        attended = self.attn(x, None, image_rotary_emb, joint_attention_kwargs or {})
        widened = F.gelu(self.proj_mlp(x), approximate="tanh")
        row = _in_range(row + gate[:, None] * self.proj_out(torch.cat([attended, widened], dim=2)))
        return row[:, :count], row[:, count:]


def _in_range(x: Tensor) -> Tensor:
    return x.clip(-_HALF_LARGEST, _HALF_LARGEST) if x.dtype == torch.float16 else x


class FluxTransformer(nn.Module):
    """The parts that :class:`lumaflux.model.lumaflux.LumaFlux` runs, by diffusers' names and arguments.

    ``config`` holds the arguments, those of diffusers' FluxTransformer2DModel.
    """

    def __init__(
        self,
        *,
        in_channels: int = 64,
        num_layers: int = 19,
        num_single_layers: int = 38,
        attention_head_dim: int = 128,
        num_attention_heads: int = 24,
        joint_attention_dim: int = 4096,
        pooled_projection_dim: int = 768,
        guidance_embeds: bool = False,
        axes_dims_rope: Sequence[int] = (16, 56, 56),
        patch_size: int = 1,
        out_channels: int | None = None,
    ):
        super().__init__()
        self.config = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        width, made = num_attention_heads * attention_head_dim, patch_size**2 * (out_channels or in_channels)
        self.pos_embed = RotaryPositions(axes_dims_rope)
        self.time_text_embed = _TimeAndText(pooled_projection_dim, width, guided=guidance_embeds)
        self.context_embedder = nn.Linear(joint_attention_dim, width)
        self.x_embedder = nn.Linear(in_channels, width)
        self.transformer_blocks = nn.ModuleList(DoubleStreamBlock(width, attention_head_dim) for _ in range(num_layers))
        self.single_transformer_blocks = nn.ModuleList(
            SingleStreamBlock(width, attention_head_dim) for _ in range(num_single_layers)
        )
        self.norm_out = _LastModulation(width)
        self.proj_out = nn.Linear(width, made)
