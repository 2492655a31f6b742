"""LumaFlux, top to bottom like the paper: cues -> conditions -> steered velocity -> decode -> tone field.

The transformer, the VAE and the SigLIP tower are frozen; everything that trains is in ``adapters``. What does not
depend on flow time is computed once a frame (``condition``), Psi once a schedule (``psi``).
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lumaflux.model.attention import rotary_turns, steer
from lumaflux.model.autoencoder import Autoencoder, latents_of, normalised, pixels_of, raw
from lumaflux.model.conditioner import Conditioner, Modulation, modulation
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.coupler import ResidualCoupler
from lumaflux.model.cues import PhysicalCues
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.flux2 import block_arguments, modulations, steer_flux2
from lumaflux.model.latents import pack, position_ids, unpack
from lumaflux.model.pcm import PerceptualModulation
from lumaflux.model.perception import PerceptualCues, siglip_input
from lumaflux.model.pga import ValueGate, ValueUpdate
from lumaflux.model.spline import Knots, ToneField
from lumaflux.model.tiny_autoencoder import TinyAutoencoder
from lumaflux.model.tone_predictor import ToneCurve, TonePredictor, start_to_pq
from lumaflux.model.tower import tokens_of


class BlockAdapters(nn.Module):
    """What steers one transformer block."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.pga = ValueUpdate(config)
        self.pcm = PerceptualModulation(config) if config.variant.pcm else None
        self.coupler = ResidualCoupler(config) if config.variant.coupler else None


class Adapters(nn.Module):
    """Everything that trains. At initialisation it leaves the frozen transformer exactly as it is."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.cues = PhysicalCues(config)
        self.perception = PerceptualCues(config)
        self.conditioner = Conditioner(config)
        self.blocks = nn.ModuleList(BlockAdapters(config) for _ in range(config.blocks))
        self.tone = ToneField(config)
        self.tone_predictor = TonePredictor(config) if config.tone_bins else None

    def of_block(self, index: int) -> BlockAdapters:
        return cast(BlockAdapters, self.blocks[index])


@dataclass(frozen=True, kw_only=True)
class BlockConditions:
    gate: ValueGate
    film: Tensor | None  # [B,1,2d]
    bottlenecks: Tensor | None  # [B,n,128]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """All that a frame says, independent of flow time."""

    t_phys: Tensor  # [B,n,32]
    g: Tensor  # [B,16]
    r: Tensor  # [B,8]
    context: Tensor  # [B,m,joint width]
    pooled: Tensor | None  # [B,pooled width]; FLUX.2 has none
    rotary: Tensor  # cosine and sine [1,m+n,1,d_h/2,2]
    blocks: tuple[BlockConditions, ...]
    key_bias: Tensor | None = None  # [1,1,1,m+n] added to the logits of attention, by key


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """``vae_pq``: the VAE's PQ/BT.2020 picture [B,3,H,W] in [0,1]; ``hdr_pq``: after the tone field, <= PQ(1000)."""

    vae_pq: Tensor
    hdr_pq: Tensor
    knots: Knots


def steered(
    adapters: BlockAdapters,
    block: nn.Module,
    hidden: Tensor,
    context: Tensor,
    *,
    seen: BlockConditions,
    row: Modulation,
    modulated: dict[str, Any],
    rotary: Tensor,
    key_bias: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """One transformer block between its FiLM and its coupler: image tokens [B,n,d] and context [B,m,d], changed."""
    if adapters.pcm is not None:
        hidden = adapters.pcm(hidden, seen.film, row)
    context, hidden = block(
        hidden_states=hidden,
        encoder_hidden_states=context,
        **modulated,
        image_rotary_emb=rotary,
        joint_attention_kwargs={
            "value_update": partial(adapters.pga, gate=seen.gate, modulation=row),
            "attention_mask": key_bias,
        },
    )
    if adapters.coupler is not None:
        hidden = adapters.coupler(hidden, seen.bottlenecks, row)
    return hidden, context


class LumaFlux(nn.Module):
    def __init__(
        self,
        config: LumaFluxConfig,
        transformer: Any,
        vae: Autoencoder,
        siglip: nn.Module,
        adapters: Adapters,
    ):
        super().__init__()
        self.config = config
        self.transformer = transformer.requires_grad_(False).eval()
        self.vae = vae.requires_grad_(False).eval()
        self.siglip = siglip.requires_grad_(False).eval()
        self.adapters = adapters
        (steer_flux2 if config.second_generation else steer)(self.transformer)
        self.gradient_checkpointing = False
        self.decoder: TinyAutoencoder | None = None  # instead of the autoencoder's own: coarser, and quick
        self.evaluated: Callable[..., tuple[Tensor, Tensor]] = steered  # or what a compiler makes of it

    def train(self, mode: bool = True) -> "LumaFlux":
        super().train(mode)
        for frozen in (self.transformer, self.vae, self.siglip):
            frozen.eval()
        return self

    def with_vae(self, vae: Autoencoder, decoder: TinyAutoencoder | None) -> "LumaFlux":
        """The same network, sharing every module but ``vae`` and ``decoder``."""
        other = copy.copy(self)
        other._modules = {**self._modules, "vae": vae}
        if decoder is not None:
            other._modules["decoder"] = decoder
        return other

    def adapter_parameters(self) -> Iterator[nn.Parameter]:
        return self.adapters.parameters()

    def cast(self, dtype: torch.dtype, vae_dtype: torch.dtype | None = None) -> "LumaFlux":
        """Puts the network in ``dtype``; light, statistics, Psi and the tone field stay float32.

        The VAE is put in ``vae_dtype``, ``dtype`` if None. It overflows in half precision and then stays float32.
        """
        for part in (self.transformer, self.siglip, self.adapters.perception, self.adapters.blocks):
            nn.Module.to(part, dtype)  # diffusers' own `to` warns of nothing that is so here
        vae_dtype = vae_dtype or dtype
        vae_dtype = torch.float32 if vae_dtype == torch.float16 else vae_dtype
        for name, part in self.vae.named_children():
            if name != "bn":  # FLUX.2's statistics of latents
                nn.Module.to(part, vae_dtype)
        return self

    @property
    def dtype(self) -> torch.dtype:
        return self.transformer.x_embedder.weight.dtype

    # -- cues and conditions: once a frame -------------------------------------------------------------------

    def condition(self, sdr: Tensor) -> Conditions:
        """SDR [B,3,H,W] in [0,1], H and W multiples of the token stride -> Conditions."""
        stride = self.config.token_stride
        height, width = sdr.shape[-2:]
        if sdr.ndim != 4 or sdr.shape[1] != 3 or height % stride or width % stride:
            raise ValueError(f"expected SDR [B,3,H,W] with H and W multiples of {stride}, got {tuple(sdr.shape)}")
        grid = (height // stride, width // stride)
        t_phys, g, r = self.adapters.cues(sdr)
        perception = self.adapters.perception(self._siglip_tokens(sdr), g.to(self.dtype))
        context_tokens = perception.context.shape[1]
        ids = position_ids(context_tokens, grid, sdr.device, self.config.position_axes)
        physical, statistics, spectrum = (cue.to(self.dtype) for cue in (t_phys, g, r))
        blocks = []
        for index in range(self.config.blocks):
            block = self.adapters.of_block(index)
            seen = 0 if index < self.config.double_blocks else context_tokens
            blocks.append(
                BlockConditions(
                    gate=block.pga.prepare(physical, statistics, spectrum, seen),
                    film=block.pcm and block.pcm.prepare(perception.tokens),
                    bottlenecks=block.coupler and block.coupler.prepare(physical, perception.tokens, grid),
                )
            )
        return Conditions(
            t_phys=t_phys,
            g=g,
            r=r,
            context=perception.context,
            pooled=perception.pooled,
            rotary=rotary_turns(*self.transformer.pos_embed(ids)),
            blocks=tuple(blocks),
        )

    def _siglip_tokens(self, sdr: Tensor) -> Tensor:
        pixels = siglip_input(sdr.float(), self.config.siglip["image_size"]).to(self.dtype)
        return tokens_of(self.siglip, pixels)

    def psi(self, t: Tensor) -> Tensor:
        """Flow times [B] -> Psi for all blocks [B,blocks,6]; for a fixed schedule computed once."""
        return self.adapters.conditioner(t)

    # -- latents ------------------------------------------------------------------------------------------------

    def placement(self, sdr: Tensor, camera: float | None = None) -> ToneCurve | None:
        """SDR [B,3,H,W] in [0,1] -> where the tone predictor places the frame; None without a tone predictor.

        ``camera`` in [0,1]: how much the source is camera material; None leaves that to the predictor.
        """
        predictor = self.adapters.tone_predictor
        return None if predictor is None else predictor.predict(sdr, camera)

    def start(self, sdr: Tensor, placement: ToneCurve | None = None) -> Tensor:
        """SDR [B,3,H,W] in [0,1] -> the picture [B,3,H,W] whose latents the bridge begins at.

        The SDR picture itself, or, with a tone predictor, the frame in PQ/BT.2020 by its ``placement`` (found if None).
        """
        predictor = self.adapters.tone_predictor
        return sdr if predictor is None else predictor(sdr, placement or predictor.predict(sdr))

    def to_pq(self, start: Tensor) -> Tensor:
        """A picture as ``start`` gives it [B,3,H,W] -> the light that it shows, as PQ/BT.2020 [B,3,H,W]."""
        return start_to_pq(start, is_pq=self.adapters.tone_predictor is not None)

    def encode(self, picture: Tensor) -> Tensor:
        """A non-linear picture [B,3,H,W] in [0,1] (SDR or PQ) -> normalised latents [B,c,h,w]."""
        pixels = (2 * picture - 1).to(self.vae.dtype)
        mode = latents_of(self.vae, pixels).float()
        return normalised(self.vae, mode, self.config.latent_scale, self.config.latent_shift)

    def velocity(
        self,
        z: Tensor,
        t: Tensor,
        conditions: Conditions,
        psi: Tensor | None = None,
        cache: FirstBlockCache | None = None,
    ) -> Tensor:
        """Latents z_t [B,c,h,w] and flow times [B] in [0,1] -> velocity dz/dt [B,c,h,w]. ``cache``: that of the
        schedule which the velocity is a step of."""
        grid = (z.shape[-2] // 2, z.shape[-1] // 2)
        tokens = self.token_velocity(pack(z), t, conditions, self.psi(t) if psi is None else psi, cache)
        return unpack(tokens, grid).to(z.dtype)

    def token_velocity(
        self, tokens: Tensor, t: Tensor, conditions: Conditions, psi: Tensor, cache: FirstBlockCache | None = None
    ) -> Tensor:
        """The steered transformer on packed tokens [B,n,4c]; ``psi`` [B,blocks,6]."""
        hidden, context, temb = self.begun(tokens, t, conditions.context, conditions.pooled)

        def through(blocks: range, hidden: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
            for index in blocks:
                step = partial(
                    self.steered_block,
                    index,
                    seen=conditions.blocks[index],
                    row=modulation(psi, index),
                    temb=temb,
                    rotary=conditions.rotary,
                    key_bias=conditions.key_bias,
                )
                if self.gradient_checkpointing and torch.is_grad_enabled():
                    hidden, context = checkpoint(step, hidden, context, use_reentrant=False)
                else:
                    hidden, context = step(hidden, context)
            return hidden, context

        count = len(conditions.blocks)
        if cache is None:
            hidden, _ = through(range(count), hidden, context)
        else:
            first, context = through(range(1), hidden, context)
            hidden = cache.through(hidden, first, lambda: through(range(1, count), first, context)[0])
        return self.ended(hidden, temb if isinstance(temb, Tensor) else temb[0])

    def begun(self, tokens: Tensor, t: Tensor, context: Tensor, pooled: Tensor | None) -> tuple[Tensor, Tensor, Any]:
        """What the first block takes: image tokens and context [B,n,d] and [B,m,d], and what modulates every block:
        [B,d]; of FLUX.2 with the modulations themselves (lumaflux.model.flux2)."""
        transformer = self.transformer
        hidden = transformer.x_embedder(tokens.to(self.dtype))
        return hidden, transformer.context_embedder(context), self._time_embedding(t.to(self.dtype), pooled)

    def ended(self, hidden: Tensor, temb: Tensor) -> Tensor:
        """The last block's image tokens [B,n,d] -> velocity [B,n,4c]."""
        return self.transformer.proj_out(self.transformer.norm_out(hidden, temb))

    def transformer_block(self, index: int) -> nn.Module:
        """Of both streams, in the order in which they are evaluated."""
        double = self.config.double_blocks
        if index < double:
            return self.transformer.transformer_blocks[index]
        return self.transformer.single_transformer_blocks[index - double]

    def _time_embedding(self, t: Tensor, pooled: Tensor | None) -> Any:
        if self.config.second_generation:
            return modulations(self.transformer, t)
        if self.config.transformer.get("guidance_embeds"):
            return self.transformer.time_text_embed(1000 * t, 1000 * torch.ones_like(t), pooled)
        return self.transformer.time_text_embed(1000 * t, pooled)

    def steered_block(
        self,
        index: int,
        hidden: Tensor,
        context: Tensor,
        *,
        seen: BlockConditions,
        row: Modulation,
        temb: Any,
        rotary: Tensor,
        key_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One block between its FiLM and its coupler: image tokens and context, as ``begun`` gives them, changed."""
        return self.evaluated(
            self.adapters.of_block(index),
            self.transformer_block(index),
            hidden,
            context,
            seen=seen,
            row=row,
            modulated=self._modulated_by(index, temb),
            rotary=rotary,
            key_bias=key_bias,
        )

    def _modulated_by(self, index: int, temb: Any) -> dict[str, Any]:
        if self.config.second_generation:
            return block_arguments(temb, double=index < self.config.double_blocks)
        return {"temb": temb}

    # -- back to light ------------------------------------------------------------------------------------------

    def decode(self, z: Tensor) -> Decoded:
        """Final normalised latents [B,c,h,w] -> the picture before and after the tone field."""
        vae_pq = self.decode_latents(z)
        hdr_pq, knots = self.tone_field(vae_pq, z)
        return Decoded(vae_pq=vae_pq, hdr_pq=hdr_pq, knots=knots)

    def decode_latents(self, z: Tensor) -> Tensor:
        """Final normalised latents [B,c,h,w] -> the VAE's PQ picture [B,3,H,W] in [0,1]."""
        if self.decoder is not None:
            pixels = self.decoder.pixels(z.to(self.decoder.dtype)).float()
        else:
            latents = raw(self.vae, z, self.config.latent_scale, self.config.latent_shift)
            pixels = pixels_of(self.vae, latents.to(self.vae.dtype)).float()
        return (0.5 * pixels + 0.5).clamp(0, 1)

    def knots(self, z: Tensor) -> Knots:
        """Final latents [B,c,h,w] -> the curve of the tone field that they ask for."""
        return self.adapters.tone.knots(z)

    def fixed_knots(self, count: int) -> Knots | None:
        """``knots`` of ``count`` latents, where the tone field has learned nothing from any; None else."""
        return self.adapters.tone.fixed_knots(count)

    def tone_field(self, vae_pq: Tensor, z: Tensor, knots: Knots | None = None) -> tuple[Tensor, Knots]:
        """The VAE's picture through ``knots``, or the curve that the final latent asks for: HDR picture and knots."""
        knots = self.knots(z) if knots is None else knots
        return self.adapters.tone(vae_pq, knots), knots
