"""The frozen autoencoder behind one interface: diffusers' AutoencoderKL, as published, or the small TinyAutoencoder."""

from typing import TYPE_CHECKING, Any, Union

from torch import Tensor

from lumaflux.model.frozen_shapes import Shape, is_tiny, latent_stride
from lumaflux.model.tiny_autoencoder import TinyAutoencoder

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

Autoencoder = Union["AutoencoderKL", TinyAutoencoder]

_KL_TILE = 2048  # pixels: larger frames pass an AutoencoderKL in overlapping tiles, so that memory stays bounded


def build_autoencoder(vae: Shape) -> Autoencoder:
    """A randomly initialised autoencoder of a configuration's ``vae``."""
    arguments = {key: value for key, value in vae.items() if key != "architecture"}
    if is_tiny(vae):
        return TinyAutoencoder(**arguments)
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # imported in seconds

    return tiled(AutoencoderKL(**arguments))


def tiled(vae: "AutoencoderKL") -> "AutoencoderKL":
    """The same, passing frames beyond a tile's size in overlapping tiles."""
    vae.enable_tiling()
    set_tile(vae, _KL_TILE)
    return vae


def set_tile(vae: Any, pixels: int) -> None:
    """Sets the side of the tiles that larger frames pass an AutoencoderKL in; the small one has none."""
    if not isinstance(vae, TinyAutoencoder):
        vae.tile_sample_min_size = pixels
        vae.tile_latent_min_size = pixels // latent_stride(vae.config)


def latents_of(vae: Any, pixels: Tensor) -> Tensor:
    """Pixels [B,3,H,W] in [-1,1], in the autoencoder's type -> raw latents [B,c,h,w]; of a posterior the mode."""
    if isinstance(vae, TinyAutoencoder):
        return vae.latents(pixels)
    return vae.encode(pixels, return_dict=False)[0].mode()


def pixels_of(vae: Any, latents: Tensor) -> Tensor:
    """Raw latents [B,c,h,w], in the autoencoder's type -> pixels [B,3,H,W], around [-1,1]."""
    if isinstance(vae, TinyAutoencoder):
        return vae.pixels(latents)
    return vae.decode(latents, return_dict=False)[0]
