"""HEIC and AVIF pictures: grids whole, turned as the file says, alpha apart; libheif and libavif by Pillow's plugins.

libheif (pillow-heif) tells what a file says of itself and decodes HEVC; Pillow decodes AVIF, with 8 bits a channel, and
PyAV what has more of them and is no grid.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.gainmap.apple import headroom_of
from lumaflux.media.gainmap.heif_gain import heif_gain
from lumaflux.media.stills.avif import deep_avif

_STILL = {b"heic": "heic", b"heix": "heic", b"heim": "heic", b"heis": "heic", b"avif": "avif"}
_EITHER = (b"mif1", b"mif2", b"miaf")
_FAILURES = (OSError, ValueError, RuntimeError, EOFError, SyntaxError, MemoryError, LookupError, TypeError)
_ORIENTATION = 0x0112


def heif_kind(head: bytes) -> str | None:
    """``heic`` or ``avif`` of a file that begins so; None for others, and for image sequences, which are video."""
    if head[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] in _STILL:
        return _STILL[brands[0]]
    if brands[0] in _EITHER:
        return next((_STILL[brand] for brand in brands if brand in _STILL), None)
    return None


@dataclass(frozen=True)
class HeifPicture:
    """A picture upright, of ``bits``. ``nclx``: H.273's codes of primaries and transfer, None where the file has none;
    ``dropped``: what stands beside the picture, in words; ``source`` is the library's own; ``deep``: its R'G'B' [H,W,3]
    in [0,1] where it is AVIF of more than 8 bits."""

    width: int
    height: int
    bits: int
    alpha: bool
    icc: bytes | None
    nclx: tuple[int, int] | None
    dropped: tuple[str, ...]
    source: Any
    deep: np.ndarray | None = None


def open_heif(path: str | os.PathLike, kind: str, data: bytes | None = None) -> HeifPicture:
    """The primary picture of a file, or of ``data`` in its place. Raises UserError where it is damaged or has none."""
    from PIL import Image
    from pillow_heif import open_heif as opened

    try:
        data = Path(path).read_bytes() if data is None else data
        file = opened(io.BytesIO(data), convert_hdr_to_8bit=False, reload_size=True)
        picture = file[file.primary_index]
        info = picture.info
        source: Any = picture
        if kind == "avif":
            source = Image.open(io.BytesIO(data), formats=["AVIF"])
    except _FAILURES as error:
        raise _damaged(path, error) from None
    nclx = info.get("nclx_profile")
    gained = _gain_map(data, info.get("exif"))
    width, height = source.size
    if kind == "avif" and source.getexif().get(_ORIENTATION, 1) >= 5:  # Pillow says irot and imir so
        width, height = height, width
    deep = None
    if kind == "avif" and source.getexif().get(_ORIENTATION, 1) == 1 and not source.mode.startswith("RGBA"):
        deep = deep_avif(data, (width, height), os.fspath(path))
    return HeifPicture(
        width=width,
        height=height,
        bits=deep[1] if deep else 8 if kind == "avif" else int(info.get("bit_depth") or 8),
        alpha=source.mode.startswith("RGBA"),
        icc=info.get("icc_profile") or None,
        nclx=None if not nclx else (int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])),
        dropped=(
            *gained,
            *(("depth map",) if info.get("depth_images") else ()),
            *((f"{further} further pictures",) if (further := len(file) - 1) > 0 else ()),
        ),
        source=source,
        deep=None if deep is None else deep[0],
    )


def _gain_map(data: bytes, exif: bytes | None) -> tuple[str, ...]:
    """``gain map``, or what stands in the way of its use."""
    try:
        found = heif_gain(data)
    except ValueError as error:
        return (f"gain map ({error})",)
    if found is not None and found.metadata is None and headroom_of(exif, found.xmp) is None:
        return ("gain map without headroom",)
    return () if found is None else ("gain map",)


def heif_pixels(picture: HeifPicture, path: str | os.PathLike) -> np.ndarray:
    """float32 [H,W,3 or 4] in [0,1], upright. Raises UserError for a picture that cannot be decoded to its end."""
    from PIL import Image, ImageOps

    if picture.deep is not None:
        return picture.deep
    source = picture.source
    try:
        if isinstance(source, Image.Image):
            turned = ImageOps.exif_transpose(source) or source
            codes = np.asarray(turned.convert("RGBA" if picture.alpha else "RGB"))
        else:
            codes = np.asarray(source)
    except _FAILURES as error:
        raise _damaged(path, error) from None
    if codes.ndim == 2:
        codes = codes[..., None]
    if codes.shape[-1] < 3:
        codes = np.concatenate([np.repeat(codes[..., :1], 3, axis=-1), codes[..., 1:]], axis=-1)
    largest = np.iinfo(np.uint8).max
    if codes.dtype != np.uint8:  # libheif's codes, shifted up
        largest = ((1 << picture.bits) - 1) << (16 - picture.bits)
    return (codes.astype(np.float32) / np.float32(largest)).clip(0, 1)


def _damaged(path: str | os.PathLike, error: Exception) -> UserError:
    said = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{path} cannot be read as a picture ({said}); it is truncated or damaged.")
