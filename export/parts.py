"""The parts of a model that an engine evaluates, as modules of tensors alone, with examples and dynamic sizes.

What has no weights to speak of or depends on sorting and Fourier transforms stays with the host
(``lumaflux.backends.engine_network``): quantiles, ring spectrum, tone predictor, packing, rotary tables, Psi.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.model.autoencoder import normalised, raw
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.cues import log_gradient, relative_luminance, saturation
from lumaflux.model.lumaflux import BlockConditions, Conditions, LumaFlux
from lumaflux.model.pga import ValueGate
from lumaflux.model.spline import Knots
from lumaflux.model.tiny_autoencoder import TinyAutoencoder

from .block_parts import Part, block_parts
from .functions import NodeValueUpdate

EXAMPLE = (96, 128)  # pixels: rows and columns differ, and neither is a size that a layer has by itself


class _Held(nn.Module):
    def __init__(self, model: LumaFlux):
        super().__init__()
        self.model = model


class ConditionsPart(_Held):
    def forward(self, sdr: Tensor, statistics: Tensor, spectrum: Tensor) -> tuple[Tensor, ...]:
        """SDR [1,3,H,W], s_g [1,4], r [1,rings] -> context, pooled (FLUX.1's), and for all blocks gates, FiLM,
        bottlenecks."""
        model, cues = self.model, self.model.adapters.cues
        stride = model.config.token_stride
        grid = (sdr.shape[-2] // stride, sdr.shape[-1] // stride)
        rgb_linear = cues.linear_light(sdr)
        y = relative_luminance(rgb_linear)
        maps = torch.cat([y, log_gradient(y), saturation(rgb_linear)], dim=1)
        t_phys = F.avg_pool2d(cues.tokens(maps), stride).flatten(2).transpose(1, 2).to(model.dtype)
        g, r = cues.statistics(statistics).to(model.dtype), spectrum.to(model.dtype)
        perception = model.adapters.perception(model._siglip_tokens(sdr), g)
        gates, films, bottlenecks = [], [], []
        for index in range(model.config.blocks):
            block = model.adapters.of_block(index)
            assert block.pcm is not None
            assert block.coupler is not None
            gates.append(block.pga.prepare(t_phys, g, r, 0))
            films.append(block.pcm.prepare(perception.tokens))
            bottlenecks.append(block.coupler.prepare(t_phys, perception.tokens, grid))
        return (
            perception.context,
            *(() if perception.pooled is None else (perception.pooled,)),
            torch.stack([gate.physical for gate in gates]),
            torch.stack([gate.spectral for gate in gates]),
            torch.stack(films),
            torch.stack(bottlenecks),
        )


class VelocityPart(_Held):
    def forward(
        self,
        tokens: Tensor,
        t: Tensor,
        psi: Tensor,
        turns: Tensor,
        context: Tensor,
        physical: Tensor,
        spectral: Tensor,
        film: Tensor,
        bottlenecks: Tensor,
        pooled: Tensor | None = None,
    ) -> Tensor:
        """Packed latents [1,n,4c], flow time [1], Psi [1,blocks,6] and a frame's conditions -> velocity [1,n,4c]."""
        config, seen = self.model.config, context.shape[1]
        blocks = []
        for index in range(config.blocks):
            padding = 0 if index < config.double_blocks else seen
            gate = F.pad(physical[index], (0, 0, padding, 0), value=1.0)
            blocks.append(
                BlockConditions(
                    gate=ValueGate(physical=gate, spectral=spectral[index]),
                    film=film[index],
                    bottlenecks=bottlenecks[index],
                )
            )
        conditions = Conditions(
            t_phys=physical, g=psi, r=spectral, context=context, pooled=pooled, rotary=turns, blocks=tuple(blocks)
        )
        return self.model.token_velocity(tokens, t, conditions, psi).float()


class EncodePart(_Held):
    def forward(self, picture: Tensor) -> Tensor:
        """A picture [1,3,H,W] in [0,1] -> normalised latents [1,c,h,w]; no tiling: sizes are the engine's own."""
        vae, config = self.model.vae, self.model.config
        if isinstance(vae, TinyAutoencoder):
            return self.model.encode(picture)
        moments = vae.encoder((2 * picture - 1).to(vae.dtype))
        if vae.quant_conv is not None:
            moments = vae.quant_conv(moments)
        mode = moments[:, : config.latent_channels].float()
        return normalised(vae, mode, config.latent_scale, config.latent_shift)


class DecodePart(_Held):
    def forward(self, z: Tensor) -> Tensor:
        """Final latents [1,c,h,w] -> the VAE's PQ picture [1,3,H,W] in [0,1]."""
        vae, config = self.model.vae, self.model.config
        if isinstance(vae, TinyAutoencoder):
            return self.model.decode_latents(z)
        latents = raw(vae, z, config.latent_scale, config.latent_shift).to(vae.dtype)
        if vae.post_quant_conv is not None:
            latents = vae.post_quant_conv(latents)
        return (0.5 * vae.decoder(latents).float() + 0.5).clamp(0, 1)


class KnotsPart(_Held):
    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        knots = self.model.adapters.tone.knots(z)
        return knots.x, knots.y, knots.derivatives


class TonePart(_Held):
    def forward(self, vae_pq: Tensor, x: Tensor, y: Tensor, derivatives: Tensor) -> Tensor:
        """The VAE's picture through the spline: [1,3,H,W]."""
        return self.model.adapters.tone(vae_pq, Knots(x=x, y=y, derivatives=derivatives))


@torch.no_grad()
def parts_of(model: LumaFlux, size: tuple[int, int] = EXAMPLE, *, by_blocks: bool = False) -> Iterator[Part]:
    """Every part of ``model`` with example inputs at ``size`` (rows, columns); with ``by_blocks`` the velocity in
    parts of its own. Raises UserError for an ablation."""
    config = model.config
    if not (config.variant.pcm and config.variant.coupler and config.variant.value_update != "lora"):
        raise UserError(f"{config.name} is an ablation variant; engines are built of models with PGA, PCM and coupler")
    height, width = size
    generator = torch.Generator().manual_seed(0)
    noise = partial(_noise, generator)
    frame = torch.rand((1, 3, height, width), generator=generator)
    pixels = {2: "height", 3: "width"}
    conditions = {"sdr": frame, "statistics": noise(1, 4).abs(), "spectrum": noise(1, config.spectral_rings).abs()}
    names = ("context", *(("pooled",) if _pooled_width(config) else ()), "physical", "spectral", "film", "bottlenecks")
    yield Part(
        name="conditions",
        module=ConditionsPart(model),
        inputs=conditions,
        outputs=names,
        dynamic={"sdr": pixels, "statistics": {}, "spectrum": {}},
    )
    velocity = _velocity_part(model, (height // config.token_stride) * (width // config.token_stride), noise)
    yield from block_parts(model, velocity.inputs) if by_blocks else [velocity]
    yield Part(
        name="encode", module=EncodePart(model), inputs={"picture": frame}, outputs=("z",), dynamic={"picture": pixels}
    )
    stride = config.vae_stride
    z, rows_columns = noise(1, config.latent_channels, height // stride, width // stride), {2: "rows", 3: "columns"}
    yield Part(
        name="decode", module=DecodePart(model), inputs={"z": z}, outputs=("vae_pq",), dynamic={"z": rows_columns}
    )
    curve = ("x", "y", "derivatives")
    yield Part(name="knots", module=KnotsPart(model), inputs={"z": z}, outputs=curve, dynamic={"z": rows_columns})
    knots: Any = dict(zip(curve, KnotsPart(model)(z), strict=True))
    yield Part(
        name="tone",
        module=TonePart(model),
        inputs={"vae_pq": frame, **knots},
        outputs=("hdr_pq",),
        dynamic={"vae_pq": pixels, "x": {}, "y": {}, "derivatives": {}},
    )


def _noise(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=generator).to(dtype)


def _pooled_width(config: LumaFluxConfig) -> int | None:
    return config.transformer.get("pooled_projection_dim")  # FLUX.2 has none


def _velocity_part(model: LumaFlux, n: int, noise: Callable[..., Tensor]) -> Part:
    """The transformer as one graph, with example inputs of ``n`` image tokens."""
    config, dtype, blocks = model.config, model.dtype, model.config.blocks
    seen = config.null_tokens + config.siglip_tokens
    inputs = {
        "tokens": noise(1, n, 4 * config.latent_channels),
        "t": torch.full((1,), 0.5),
        "psi": noise(1, blocks, 6),
        "turns": noise(1, seen + n, 1, config.width // config.heads // 2, 2),
        "context": noise(1, seen, config.transformer["joint_attention_dim"], dtype=dtype),
        "physical": noise(blocks, 1, n, config.heads, dtype=dtype),
        "spectral": noise(blocks, 1, 1, config.heads, dtype=dtype),
        "film": noise(blocks, 1, 1, 2 * config.width, dtype=dtype),
        "bottlenecks": noise(blocks, 1, n, 2 * config.bottleneck, dtype=dtype),
    }
    if pooled := _pooled_width(config):
        inputs["pooled"] = noise(1, pooled, dtype=dtype)
    dynamic = {name: {} for name in inputs} | {
        "tokens": {1: "n"},
        "turns": {1: f"n + {seen}"},
        "physical": {2: "n"},
        "bottlenecks": {2: "n"},
    }
    return Part(name="velocity", module=VelocityPart(model), inputs=inputs, outputs=("velocity",), dynamic=dynamic)


@contextmanager
def value_updates_as_nodes(model: LumaFlux) -> Iterator[None]:
    """Inside, every block's value update is one node of the trace."""
    blocks = [model.adapters.of_block(index) for index in range(model.config.blocks)]
    own = [block.pga for block in blocks]
    try:
        for block in blocks:
            block.pga = NodeValueUpdate(block.pga)  # pyright: ignore[reportAttributeAccessIssue]
        yield
    finally:
        for block, update in zip(blocks, own, strict=True):
            block.pga = update
