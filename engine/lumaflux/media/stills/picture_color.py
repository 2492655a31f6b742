"""What a still picture's colors mean, by the strongest word in the file, and the way from there to an SDR signal.

PNG: cICP before iCCP before sRGB before gAMA and cHRM (PNG Third Edition 4.3). Others: the ICC profile before Exif.
"""

import os
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lumaflux.color.primaries import BT709, Primaries
from lumaflux.errors import UserError
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.media_info import ColourTags, Tag
from lumaflux.media.metadata.sdr_signal import to_srgb, to_video
from lumaflux.media.stills.icc import IccProfile
from lumaflux.media.stills.linear_picture import name_of, primaries_of

_DPX_REFUSED = ("printing density", "logarithmic", "z (depth)", "z linear", "z homogeneous", "adx")  # SMPTE 268M
_DPX_PRIMARIES = {"itu-r 601-5 system b or g": "bt470bg", "itu-r 601-5 system m": "smpte170m"}
_OWN_PQ = "SMPTE ST 2084"  # in the ImageDescription of PQ pictures whose format has no field for it
_ADOBE_RGB_GAMMA = 563 / 256  # Adobe RGB (1998) 4.3.1.2
_GAMMAS = (10_000, 1_000_000)  # of a gAMA chunk: a display's power of 10 to 0.1; what lies beyond is no picture's
_LARGEST_PROFILE = 1 << 25  # bytes
_EXIF_IFD, _INTEROPERABILITY_IFD = 0x8769, 0xA005
_COLOR_SPACE, _GAMMA, _WHITE_POINT, _PRIMARIES = 0xA001, 0xA500, 0x013E, 0x013F
_FLOATS = ("half", "float", "double")
_FULL, _BT709, _SRGB = (Tag(value=value, source="guessed") for value in ("full", "bt709", "srgb"))


@dataclass(frozen=True, kw_only=True)
class PictureColor:
    """``profile`` decides, or else the tags, with ``chromaticities`` in place of the named primaries and ``gamma``
    (light is the signal to that power) in place of the named transfer. ``hdr``: what makes it HDR where no tag does."""

    range: Tag = _FULL
    primaries: Tag = _BT709
    transfer: Tag = _SRGB
    hdr: str | None = None
    profile: IccProfile | None = None
    chromaticities: Primaries | None = None
    gamma: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def tags(self) -> ColourTags:
        matrix = Tag(value="rgb", source="guessed")
        return ColourTags(range=self.range, matrix=matrix, primaries=self.primaries, transfer=self.transfer)

    def to_sdr(self, pixels: np.ndarray, bits: int, where: str) -> tuple[np.ndarray, str]:
        """Values [H,W,channels] in [0,1], of ``bits`` a code, to R'G'B' [3,H,W] of BT.709 primaries, and its transfer:
        ``srgb``, or ``bt709`` for BT.1886. Raises UserError for colors that cannot be brought there."""
        if self.profile is not None:
            if self.profile.space == "RGB" and pixels.shape[2] < 3:
                pixels = np.repeat(pixels[..., :1], 3, axis=-1)
            return _planes(self.profile.to_srgb(pixels)), "srgb"
        signal = _planes(pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1))
        if self.range.value == "limited":  # H.273 8.3, scaled as luma
            largest, unit = 2**bits - 1, 2 ** (bits - 8)
            signal = ((signal * largest - 16 * unit) / (219 * unit)).astype(np.float32)
        signal = np.nan_to_num(signal, nan=0.0).clip(0, 1).astype(np.float32)
        if self.hdr is not None or self.transfer.value in coding_points.HDR_TRANSFERS:  # read as if it were SDR
            return signal, "srgb"
        primaries = self.chromaticities or self.primaries.value
        if self.gamma is not None:
            gamma = np.float32(self.gamma)
            convert = to_srgb(primaries, lambda signal: signal**gamma, where)
        elif self.transfer.value in (*coding_points.VIDEO_TRANSFERS, "linear"):
            convert = to_video(primaries, self.transfer.value, where)
            return signal if convert is None else convert(signal), "bt709"
        else:
            convert = to_srgb(primaries, self.transfer.value, where)
        return signal if convert is None else convert(signal), "srgb"


def _planes(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def picture_color(path: str | os.PathLike, spec: Any, chunks: dict[bytes, bytes], form: str) -> PictureColor:
    """Of a picture that OpenImageIO has opened. ``chunks``: a PNG file's; ``form``: the format by its name there."""
    if form == "openexr":
        stated = primaries_of(spec.getattribute("chromaticities"))
        primaries = Tag(value=name_of(stated), source="tagged") if stated else Tag(value="bt709", source="guessed")
        return PictureColor(primaries=primaries, transfer=Tag(value="linear", source="tagged"))
    described = _OWN_PQ in spec.get_string_attribute("ImageDescription")
    if form == "dpx":
        return _dpx(spec, described)
    if b"cICP" in chunks:
        return _of_codes(chunks[b"cICP"], os.fspath(path))
    if b"iCCP" in chunks:  # libpng leaves out profiles that it finds fault with
        name, _, compressed = chunks[b"iCCP"].partition(b"\0")
        try:
            profile = zlib.decompressobj().decompress(compressed[1:], _LARGEST_PROFILE)
        except zlib.error:
            raise UserError(f"{path} has a color profile that cannot be unpacked; remove or mend it.") from None
        return of_profile(profile, os.fspath(path), name.decode("latin-1"))
    if form == "jpegxl" and (codes := spec.getattribute("CICP")) is not None:  # its profile is made of them
        return of_nclx(int(codes[0]), int(codes[1]))
    if (raw := spec.getattribute("ICCProfile")) is not None:
        return of_profile(np.asarray(raw, np.uint8).tobytes(), os.fspath(path))
    if described:
        return PictureColor(hdr="PQ by its description")
    if b"sRGB" in chunks:
        return PictureColor(primaries=Tag(value="bt709", source="tagged"), transfer=Tag(value="srgb", source="tagged"))
    if b"gAMA" in chunks or b"cHRM" in chunks:
        return _of_gamma(chunks)
    color = _of_exif(path) if form in ("jpeg", "tiff", "webp", "png") else PictureColor()
    if form == "tiff" and is_float(spec) and color.transfer.source == "guessed":
        note = "its values are floating-point and without a profile, so they are read as light."
        return replace(color, transfer=Tag(value="linear", source="guessed"), notes=(*color.notes, note))
    return color


def is_float(spec: Any) -> bool:
    """Whether values are stored in floating point, and so may lie beyond white."""
    return str(spec.format) in _FLOATS


def of_profile(data: bytes, where: str, name: str = "") -> PictureColor:
    """Of an embedded ICC profile; ``name`` is what the file calls it."""
    profile = IccProfile(data, where)
    hdr = profile.hdr or (f"ICC profile {name!r}" if IccProfile.names_hdr(name) else None)
    if hdr is not None:
        return PictureColor(hdr=hdr, profile=None)
    if profile.is_srgb:
        return PictureColor(primaries=Tag(value="bt709", source="tagged"), transfer=Tag(value="srgb", source="tagged"))
    primaries = name_of(profile.primaries) if profile.primaries is not None else "by profile"
    notes = () if profile.is_matrix else (f"colors go through its profile {profile.name!r} with 8 bits a channel.",)
    return PictureColor(
        primaries=Tag(value=primaries, source="tagged"),
        transfer=Tag(value=f"profile {profile.name!r}", source="tagged"),
        profile=profile,
        notes=notes,
    )


def of_nclx(primaries: int, transfer: int) -> PictureColor:
    """Of H.273's codes in an HEIC or AVIF file, whose matrix and range its decoder has taken care of."""
    return PictureColor(
        primaries=_named(coding_points.PRIMARIES, primaries, "bt709"),
        transfer=_named(coding_points.TRANSFER, transfer, "srgb"),
    )


def _named(names: dict[int, str], code: int, assumed: str) -> Tag:
    if code in coding_points.UNTOLD:
        return Tag(value=assumed, source="guessed")
    return Tag(value=names.get(code, f"unknown (code {code})"), source="tagged")


def _of_codes(payload: bytes, where: str) -> PictureColor:
    """Of a cICP chunk: primaries, transfer, matrix, full range (11.3.2.6)."""
    if len(payload) != 4 or payload[2] != 0:
        raise UserError(f"{where} has a cICP chunk that no PNG can have (matrix not RGB); write the picture anew.")
    color = of_nclx(payload[0], payload[1])
    span = Tag(value="full" if payload[3] else "limited", source="tagged")
    return PictureColor(range=span, primaries=color.primaries, transfer=color.transfer)


def _of_gamma(chunks: dict[bytes, bytes]) -> PictureColor:
    """Of gAMA and cHRM (11.3.2.1 and 11.3.2.2), in steps of 1/100000."""
    gamma, primaries = None, None
    stated = int.from_bytes(chunks[b"gAMA"], "big") if len(chunks.get(b"gAMA", b"")) == 4 else 0
    if _GAMMAS[0] <= stated <= _GAMMAS[1]:
        gamma = 100_000 / stated
    if len(points := chunks.get(b"cHRM", b"")) == 32:
        white, *rgb = (
            tuple(int.from_bytes(points[at + i : at + i + 4], "big") / 100_000 for i in (0, 4)) for at in (0, 8, 16, 24)
        )
        primaries = primaries_of([value for point in (*rgb, white) for value in point])
    known = name_of(primaries) if primaries is not None else "bt709"
    return PictureColor(
        primaries=Tag(value=known, source="tagged" if primaries is not None else "guessed"),
        transfer=_SRGB if gamma is None else Tag(value=f"gamma {gamma:.3g}", source="tagged"),
        chromaticities=None if primaries is None or known == "bt709" else primaries,
        gamma=gamma,
    )


def _dpx(spec: Any, described: bool) -> PictureColor:
    """A DPX file holds video unless it says that it holds light or film densities (SMPTE 268M, tables 5A and 5B)."""
    if described:
        return PictureColor(hdr="PQ by its description")
    stated = spec.get_string_attribute("dpx:Transfer").lower()
    primaries = _DPX_PRIMARIES.get(spec.get_string_attribute("dpx:Colorimetric").lower())
    transfer = Tag(value="bt709", source="guessed")
    if stated in _DPX_REFUSED:
        transfer = Tag(value=stated, source="tagged")
    elif stated == "linear":
        transfer = Tag(value="linear", source="tagged")
    tag = Tag(value=primaries or "bt709", source="tagged" if primaries else "guessed")
    return PictureColor(primaries=tag, transfer=transfer)


def _of_exif(path: str | os.PathLike) -> PictureColor:
    """Adobe RGB by the interoperability index R03 (DCF 2.0), or chromaticities and gamma that are written out."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            exif = picture.getexif()
            inside = exif.get_ifd(_EXIF_IFD)
            interoperability = exif.get_ifd(_INTEROPERABILITY_IFD) if _INTEROPERABILITY_IFD in inside else {}
    except Exception:  # Pillow reads fewer kinds than OpenImageIO, and damaged texts raise what they like
        return PictureColor()
    space = inside.get(_COLOR_SPACE)
    index = str(interoperability.get(1, "")).strip("\0 ")
    if space == 2 or (space == 0xFFFF and index == "R03"):
        tag, transfer = Tag(value="adobe-rgb", source="tagged"), Tag(value="gamma 2.2", source="tagged")
        return PictureColor(primaries=tag, transfer=transfer, gamma=_ADOBE_RGB_GAMMA)
    points, white = exif.get(_PRIMARIES), exif.get(_WHITE_POINT)
    if points is not None and white is not None and space != 1:
        stated = primaries_of([float(value) for value in (*points, *white)])
        gamma = inside.get(_GAMMA)
        if stated is not None and (name_of(stated) != "bt709" or gamma):
            return PictureColor(
                primaries=Tag(value=name_of(stated), source="tagged"),
                transfer=Tag(value=f"gamma {float(gamma):.3g}", source="tagged") if gamma else _SRGB,
                chromaticities=BT709 if name_of(stated) == "bt709" else stated,
                gamma=float(gamma) if gamma else None,
            )
    if space == 0xFFFF:
        return PictureColor(
            notes=("its Exif says that its colors are not sRGB, and not which; they are read as sRGB.",)
        )
    return PictureColor()
