"""The frozen autoencoder behind one interface: diffusers' AutoencoderKL, FLUX.2's, or the small TinyAutoencoder."""

from typing import TYPE_CHECKING, Any, Union

from torch import Tensor

from lumaflux.model.frozen_shapes import Shape, is_kl_flux2, is_tiny, latent_stride
from lumaflux.model.tiny_autoencoder import TinyAutoencoder

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2

Autoencoder = Union["AutoencoderKL", "AutoencoderKLFlux2", TinyAutoencoder]

_KL_TILE = 2048  # pixels: larger frames pass an AutoencoderKL in overlapping tiles, so that memory stays bounded


def build_autoencoder(vae: Shape) -> Autoencoder:
    """A randomly initialised autoencoder of a configuration's ``vae``."""
    arguments = {key: value for key, value in vae.items() if key != "architecture"}
    if is_tiny(vae):
        return TinyAutoencoder(**arguments)
    if is_kl_flux2(vae):
        from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2

        return tiled(AutoencoderKLFlux2(**arguments))
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # imported in seconds

    return tiled(AutoencoderKL(**arguments))


def tiled(vae: Any) -> Any:
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


def normalised(vae: Any, latents: Tensor, scale: float, shift: float) -> Tensor:
    """Raw latents [B,c,h,w] in float32 -> as the transformer knows them.

    By a scale and a shift; FLUX.2's by the mean and deviation of each channel of a 2x2 patch, which the file holds.
    """
    if (statistics := _patch_statistics(vae)) is not None:
        mean, deviation = statistics
        return ((_patches(latents) - mean) / deviation).reshape(latents.shape)
    return (latents - shift) * scale


def raw(vae: Any, latents: Tensor, scale: float, shift: float) -> Tensor:
    """The inverse of ``normalised``."""
    if (statistics := _patch_statistics(vae)) is not None:
        mean, deviation = statistics
        return (_patches(latents) * deviation + mean).reshape(latents.shape)
    return latents / scale + shift


def _patches(latents: Tensor) -> Tensor:
    batch, channels, height, width = latents.shape
    return latents.reshape(batch, channels, height // 2, 2, width // 2, 2)


def _patch_statistics(vae: Any) -> tuple[Tensor, Tensor] | None:
    """Mean and deviation [1,c,1,2,1,2] of FLUX.2's autoencoder; None for others. The order is (c,dy,dx)."""
    if getattr(vae, "bn", None) is None:
        return None
    mean = vae.bn.running_mean.float()
    deviation = (vae.bn.running_var.float() + vae.config["batch_norm_eps"]).sqrt()
    return mean.reshape(1, -1, 1, 2, 1, 2), deviation.reshape(1, -1, 1, 2, 1, 2)
