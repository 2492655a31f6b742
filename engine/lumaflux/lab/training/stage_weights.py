"""Loads what earlier stages left, and joins it into one model directory."""

import json
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from lumaflux.errors import UserError
from lumaflux.model.autoencoder import Autoencoder, build_autoencoder
from lumaflux.model.build import build
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.lumaflux import LumaFlux

ANCHOR_DIRECTORY = "anchor"
VAE_DIRECTORY, TOWER_DIRECTORY, PRIOR_DIRECTORY = "vae", "tower", "prior"
DECODER_DIRECTORY = "decoder"  # the same autoencoder with a decoder trained on; optional
LATENT_STATISTICS = "latents.json"  # scaling_factor and shift_factor, measured once the VAE is frozen


def load_stage(module: nn.Module, path: Path) -> None:
    """Raises UserError when an earlier stage's result is missing or of another shape."""
    if not path.exists():
        raise UserError(f"{path} is missing; run the earlier training stage first")
    try:
        module.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise UserError(f"{path} does not fit the model configuration: {str(error).splitlines()[0]}") from None


def scaled_config(model: Path, start: Path) -> LumaFluxConfig:
    """The configuration with the measured latent statistics."""
    config = read_config(model)
    statistics = start / VAE_DIRECTORY / LATENT_STATISTICS
    if statistics.exists():
        config = replace(config, vae={**config.vae, **json.loads(statistics.read_text())})
    return config


def load_vae(model: Path, start: Path) -> Autoencoder:
    """The frozen autoencoder of the first stage."""
    vae = build_autoencoder(scaled_config(model, start).vae)
    load_stage(vae, start / VAE_DIRECTORY / "vae.safetensors")
    return vae.requires_grad_(False).eval()


def load_backbone_stages(
    model: Path, start: Path, seed: int, variant: str | None = None, anchor: Path | None = None
) -> LumaFlux:
    """Fresh adapters, of an ablation ``variant`` if named, on the three trained and frozen parts.

    ``anchor``: another tone predictor's weights than those below ``start``.
    """
    config = scaled_config(model, start)
    network = build(config if variant is None else config.with_variant(variant), seed)
    longer = start / DECODER_DIRECTORY / "vae.safetensors"
    load_stage(network.vae, longer if longer.exists() else start / VAE_DIRECTORY / "vae.safetensors")
    load_stage(network.siglip, start / TOWER_DIRECTORY / "siglip.safetensors")
    load_stage(network.transformer, start / PRIOR_DIRECTORY / "transformer.safetensors")
    if network.adapters.tone_predictor is not None:
        load_stage(network.adapters.tone_predictor, anchor or start / ANCHOR_DIRECTORY / "anchor.safetensors")
    return network
