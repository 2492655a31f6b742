"""BT.2020 light into the BT.709 gamut: BT.2407-0."""

from lumaflux.color.arrays import Array, channels, namespace
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, apply_matrix, luminance, rgb_to_rgb

BT2020_TO_BT709 = rgb_to_rgb(BT2020, BT709)
BT709_TO_BT2020 = rgb_to_rgb(BT709, BT2020)


def clip_to_bt709(linear: Array) -> Array:
    """BT.2407 clause 2: the matrix, then each channel clipped to [0, 1]; relative light ``[..., 3, H, W]``."""
    return apply_matrix(BT2020_TO_BT709, linear).clip(0.0, 1.0)


def desaturate_to_bt709(linear: Array) -> Array:
    """As :func:`clip_to_bt709`, but towards grey of the same luminance, just far enough: hue stays.

    Our own choice, not ITU's: RGB = Y + s (RGB - Y) with the largest s in [0, 1] that lies in [0, 1].
    """
    xp = namespace(linear)
    rgb = apply_matrix(BT2020_TO_BT709, linear)
    y = luminance(rgb, BT709_LUMA).clip(0.0, 1.0)
    spread = rgb - y
    room = xp.where(spread > 0, 1 - y, y) / xp.abs(spread).clip(1e-9, None)
    r, g, b = channels(room)
    s = xp.minimum(xp.minimum(r, g), b).clip(0.0, 1.0)[..., None, :, :]
    return (y + s * spread).clip(0.0, 1.0)
