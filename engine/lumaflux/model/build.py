"""Builds models: random from a configuration, frozen parts from their published directories."""

from pathlib import Path
from typing import Any

import torch

from lumaflux.errors import UserError
from lumaflux.model.autoencoder import build_autoencoder, tiled
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.flux_transformer import FluxTransformer
from lumaflux.model.frozen_shapes import is_mobilenet, is_tiny
from lumaflux.model.lumaflux import Adapters, LumaFlux
from lumaflux.model.presets import HUB_BACKBONES
from lumaflux.model.tower import build_tower


def build(config: LumaFluxConfig, seed: int | None = None) -> LumaFlux:
    """A randomly initialised model; the same ``seed`` gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        return LumaFlux(
            config,
            _build_transformer(config),
            build_autoencoder(config.vae),
            build_tower(config.siglip),
            Adapters(config),
        )


def _build_transformer(config: LumaFluxConfig) -> Any:
    """diffusers' where another part of it is asked for anyway; without it a model loads in a fraction of the time."""
    if is_tiny(config.vae) and is_mobilenet(config.siglip):
        return FluxTransformer(**config.transformer)
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    return FluxTransformer2DModel(**config.transformer)


def build_on_pretrained(config: LumaFluxConfig, directory: Path | None = None, *, offline: bool = False) -> LumaFlux:
    """FLUX.1 and SigLIP weights below fresh adapters.

    ``directory`` holds the diffusers layout (``transformer/``, ``vae/``) and SigLIP in ``siglip/``; without it the
    hub names of the configuration are used (from the local cache when ``offline``).
    """
    from diffusers import AutoencoderKL, FluxTransformer2DModel
    from transformers import SiglipVisionModel

    flux, siglip = HUB_BACKBONES[config.name]
    if directory is not None:
        flux, siglip = str(directory), str(directory / "siglip")
    options: dict[str, Any] = {"local_files_only": offline or directory is not None, "use_safetensors": True}
    try:
        return LumaFlux(
            config,
            FluxTransformer2DModel.from_pretrained(flux, subfolder="transformer", **options),
            tiled(AutoencoderKL.from_pretrained(flux, subfolder="vae", **options)),
            SiglipVisionModel.from_pretrained(siglip, **options),
            Adapters(config),
        )
    except OSError as error:
        where = directory or f"{flux} and {siglip}"
        first_line = str(error).strip().splitlines()[0]
        raise UserError(
            f"the frozen weights of {config.name} were not found at {where} ({first_line}); "
            "download them once, or name a directory with transformer/, vae/ and siglip/"
        ) from None
