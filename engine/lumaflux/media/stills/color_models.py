"""TIFF and JPEG pictures that are stored in other models than RGB: CIE Lab, and CMYK with a profile."""

import os
from dataclasses import replace
from typing import Any

import numpy as np

from lumaflux.color import srgb
from lumaflux.color.primaries import BT709, rgb_to_xyz
from lumaflux.errors import UserError
from lumaflux.media.metadata.media_info import Tag
from lumaflux.media.stills.icc import D50_TO_D65
from lumaflux.media.stills.linear_picture import in_range
from lumaflux.media.stills.picture_color import PictureColor, is_float

_CIE_LAB, _ICC_LAB, _ITU_LAB, _SEPARATED = 8, 9, 10, 5  # TIFF 6.0 and its technical notes
_D50 = np.array([0.9642, 1.0, 0.8249])


def needs_raw_values(spec: Any) -> bool:
    """Whether OpenImageIO's own conversion to RGB is to be avoided."""
    model = spec.get_int_attribute("tiff:PhotometricInterpretation", -1)
    lab = model in (_CIE_LAB, _ICC_LAB, _ITU_LAB)
    return lab or (model == _SEPARATED and spec.getattribute("ICCProfile") is not None)


def is_cmyk(spec: Any) -> bool:
    return "CMYK" in (spec.get_string_attribute("tiff:ColorSpace"), spec.get_string_attribute("jpeg:ColorSpace"))


def by_color_model(
    pixels: np.ndarray, spec: Any, color: PictureColor, path: str | os.PathLike
) -> tuple[np.ndarray, PictureColor, list[str]]:
    """Pixels [H,W,channels] in [0,1] that ``color`` speaks of: RGB, or the values that its profile takes."""
    model = spec.get_int_attribute("tiff:PhotometricInterpretation", -1)
    if model in (_CIE_LAB, _ICC_LAB):
        plain = PictureColor(primaries=Tag(value="bt709", source="tagged"), transfer=Tag(value="srgb", source="tagged"))
        bits = spec.get_int_attribute("oiio:BitsPerSample", 8)
        return _srgb_of_lab(_lab(pixels, bits, model == _ICC_LAB)), plain, []
    if model == _ITU_LAB:
        raise UserError(f"{path} is stored as ITU Lab, which is not read; convert it to RGB.")
    profile = color.profile
    if profile is not None and profile.space == "CMYK" and is_cmyk(spec):
        return (pixels if model == _SEPARATED else _cmyk_jpeg(path)), color, []
    if is_cmyk(spec):
        plain = replace(color, profile=None) if profile is not None else color
        return (
            pixels,
            plain,
            ["CMYK without a profile: its inks are taken for the plain complements of red, green, blue."],
        )
    if profile is not None and profile.space not in ("RGB", "GRAY"):
        note = f"its profile {profile.name!r} is of {profile.space}, which the picture is not; it is left out."
        return pixels, replace(color, profile=None, notes=(), transfer=Tag(value="srgb", source="guessed")), [note]
    if profile is not None and profile.space == "GRAY" and pixels.shape[2] >= 3:
        note = f"its profile {profile.name!r} is of grey, which the picture is not; it is left out."
        tags = {"primaries": Tag(value="bt709", source="guessed"), "transfer": Tag(value="srgb", source="guessed")}
        return pixels, replace(color, profile=None, notes=(), **tags), [note]
    if is_float(spec):
        pixels, notes = in_range(pixels)
        return pixels, color, notes
    return pixels, color, []


def _lab(pixels: np.ndarray, bits: int, offset: bool) -> np.ndarray:
    """L* in [0, 100], a* and b*, of values [H,W,3] in [0,1] that were codes of ``bits``."""
    codes = np.round(pixels[..., :3].astype(np.float64) * (2**bits - 1))
    scale = 2 ** (bits - 8)
    if offset:  # as ICC.1 encodes: 16 bits go up to FF00
        return np.stack(
            [codes[..., 0] * 100 / (255 * scale), codes[..., 1] / scale - 128, codes[..., 2] / scale - 128], -1
        )
    signed = np.where(codes >= 2 ** (bits - 1), codes - 2**bits, codes) / scale
    return np.stack([codes[..., 0] * 100 / (2**bits - 1), signed[..., 1], signed[..., 2]], -1)


def _srgb_of_lab(lab: np.ndarray) -> np.ndarray:
    """sRGB float32 [H,W,3] of CIE Lab under D50 (CIE 15:2004, 8.2.1), clipped."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D50
    light = xyz @ (np.linalg.inv(rgb_to_xyz(BT709)) @ D50_TO_D65).T
    return srgb.inverse_eotf(light.clip(0, 1)).astype(np.float32)


def _cmyk_jpeg(path: str | os.PathLike) -> np.ndarray:
    """Inks [H,W,4] in [0,1]; Pillow knows that Adobe's are stored inverted."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("CMYK"), dtype=np.float32) / 255
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read as a picture ({error}); it is truncated or damaged.") from None
