"""Non-constant-luminance Y'CbCr (BT.709-6 3, BT.2020-2 Table 4, BT.2100-2 Table 6) and its integer codes."""

from collections.abc import Sequence

from lumaflux.color.arrays import Array, channels, namespace, stack
from lumaflux.color.chroma_siting import subsample_420, upsample_420

__all__ = ["from_codes", "rgb_to_ycbcr", "subsample_420", "to_codes", "upsample_420", "ycbcr_to_rgb"]


def rgb_to_ycbcr(rgb: Array, luma: Sequence[float]) -> Array:
    """Y'CbCr of non-linear R'G'B' ``[..., 3, H, W]``; Y' in [0, 1], Cb and Cr in [-0.5, 0.5].

    ``luma`` holds the weights (Kr, Kg, Kb); the divisors 2(1 - Kb) and 2(1 - Kr) follow from them exactly.
    """
    r, g, b = channels(rgb)
    kr, kg, kb = luma
    y = kr * r + kg * g + kb * b
    return stack([y, (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))])


def ycbcr_to_rgb(ycc: Array, luma: Sequence[float]) -> Array:
    """Non-linear R'G'B' of Y'CbCr, the inverse of :func:`rgb_to_ycbcr`."""
    y, cb, cr = channels(ycc, "ycc")
    kr, kg, kb = luma
    red_difference, blue_difference = 2 * (1 - kr) * cr, 2 * (1 - kb) * cb
    g = y - (kr / kg) * red_difference - (kb / kg) * blue_difference
    return stack([y + red_difference, g, y + blue_difference])


def code_scales(bits: int, full_range: bool) -> tuple[float, float, float, float]:
    """Scale and offset of luma, then of chroma (BT.2100-2 Table 9, H.273 8.3)."""
    if not 8 <= bits <= 16:
        raise ValueError(f"Codes have 8 to 16 bits, not {bits}.")
    if full_range:
        return 2**bits - 1, 0, 2**bits - 1, 2 ** (bits - 1)
    unit = 2 ** (bits - 8)
    return 219 * unit, 16 * unit, 224 * unit, 128 * unit


def to_codes(ycc: Array, bits: int, full_range: bool) -> Array:
    """Integer codes of Y'CbCr ``[..., 3, H, W]``, in the floating dtype of ``ycc``.

    Narrow-range codes stay inside the video data range (1-254 of 8 bits, 4-1019 of 10); halves round up.
    Raises ValueError unless ``bits`` is 8 to 16.
    """
    luma_scale, luma_offset, chroma_scale, chroma_offset = code_scales(bits, full_range)
    reserved = 0 if full_range else 2 ** (bits - 8)
    xp = namespace(ycc)
    y, cb, cr = channels(ycc, "ycc")
    codes = stack([luma_scale * y + luma_offset, chroma_scale * cb + chroma_offset, chroma_scale * cr + chroma_offset])
    return xp.floor(codes + 0.5).clip(reserved, 2**bits - 1 - reserved)


def from_codes(codes: Array, bits: int, full_range: bool) -> Array:
    """Y'CbCr of codes held in a floating dtype, the inverse of :func:`to_codes`, without clipping."""
    luma_scale, luma_offset, chroma_scale, chroma_offset = code_scales(bits, full_range)
    y, cb, cr = channels(codes, "codes")
    return stack(
        [
            (y - luma_offset) / luma_scale,
            (cb - chroma_offset) / chroma_scale,
            (cr - chroma_offset) / chroma_scale,
        ]
    )
