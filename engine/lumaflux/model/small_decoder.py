"""The small autoencoder as a decoder of another model's latents: TAEF2, which `lite` ships, decodes FLUX.2's.

It takes them as the transformer knows them, normalised: its author's stand-in for FLUX.2's autoencoder has statistics
of mean 0 and deviation 1. It was tried with random weights of klein's structure alone.
"""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.model.checkpoint import read_tensors
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.frozen_shapes import is_kl_flux2
from lumaflux.model.tiny_autoencoder import TinyAutoencoder

_PREFIX = "vae."


def check_small_decoder(config: LumaFluxConfig | None, name: str) -> None:
    """Raises UserError for a model whose latents are not FLUX.2's."""
    if config is None or not is_kl_flux2(config.vae):
        raise UserError(f"--quick-decode is for flux2-klein and flux2-klein-base, not for {name}; leave it out")


def small_decoder(config: LumaFluxConfig, folder: Path) -> TinyAutoencoder:
    """The autoencoder of the model in ``folder``, in float32. Raises UserError where ``config`` has other latents."""
    shape = {key: value for key, value in read_config(folder / "config.json").vae.items() if key != "architecture"}
    if shape["latent_channels"] != config.latent_channels:
        raise UserError(
            f"{config.name} has {config.latent_channels} latent channels and the small autoencoder "
            f"{shape['latent_channels']}; leave --quick-decode out"
        )
    decoder = TinyAutoencoder(**shape)
    stored, _ = read_tensors(folder / "backbone.safetensors")
    decoder.load_state_dict(
        {key.removeprefix(_PREFIX): part for key, part in stored.items() if key.startswith(_PREFIX)}
    )
    return decoder.requires_grad_(False).eval()
