"""What a configuration says of its frozen autoencoder and tower: which architecture, and the sizes that follow."""

from collections.abc import Mapping
from typing import Any

from lumaflux.errors import UserError

Shape = Mapping[str, Any]  # a configuration's ``vae`` or ``siglip``

FLUX2 = "flux2"  # of a transformer
KL_FLUX2 = "kl-flux2"
TINY = "tiny"
TINY_STRIDE, TINY_CHANNELS = 8, 64
MOBILENET = "mobilenet-v2"
MOBILENET_STRIDE, MOBILENET_WIDTH = 32, 1280


def is_tiny(vae: Shape) -> bool:
    """Whether it is the small autoencoder. Raises UserError for an unknown architecture."""
    return _names(vae, "autoencoder", "kl", TINY, KL_FLUX2) == TINY


def is_kl_flux2(vae: Shape) -> bool:
    """Whether it is FLUX.2's autoencoder. Raises UserError for an unknown architecture."""
    return _names(vae, "autoencoder", "kl", TINY, KL_FLUX2) == KL_FLUX2


def is_mobilenet(siglip: Shape) -> bool:
    """Whether the tower is MobileNetV2. Raises UserError for an unknown architecture or another width."""
    named = _names(siglip, "tower", "siglip", MOBILENET) == MOBILENET
    if named and siglip["hidden_size"] != MOBILENET_WIDTH:
        raise UserError(f"config.json: the {MOBILENET} tower has {MOBILENET_WIDTH} channels, not the hidden_size given")
    return named


def _names(shape: Shape, part: str, *known: str) -> str:
    """The architecture, the first of those ``known`` if none is named."""
    architecture = shape.get("architecture", known[0])
    if architecture not in known:
        choices = " or ".join(f'"{name}"' for name in known)
        raise UserError(f'config.json names the {part} "{architecture}"; it is {choices}')
    return architecture


def latent_stride(vae: Shape) -> int:
    """Pixels per latent sample in each direction."""
    return TINY_STRIDE if is_tiny(vae) else 2 ** (len(vae["block_out_channels"]) - 1)


def finest_channels(vae: Shape) -> int:
    """Channels at pixel resolution, which decide how much memory a tile takes."""
    return vae.get("channels", TINY_CHANNELS) if is_tiny(vae) else vae["block_out_channels"][0]


def widest_channels(vae: Shape) -> int:
    """The most channels that its decoder holds at pixel resolution: what the last level receives is enlarged, but not
    yet narrowed."""
    if is_tiny(vae):
        return finest_channels(vae)
    widths = vae["block_out_channels"]
    return widths[min(1, len(widths) - 1)]


def token_count(siglip: Shape) -> int:
    """How many tokens the tower makes of a picture: a square number."""
    if is_mobilenet(siglip):
        return (-(-siglip["image_size"] // MOBILENET_STRIDE)) ** 2
    return (siglip["image_size"] // siglip["patch_size"]) ** 2
