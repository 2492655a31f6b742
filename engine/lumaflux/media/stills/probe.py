"""What a picture says of itself: PNG, JPEG, TIFF, WebP, EXR and DPX, through OpenImageIO and the PNG chunks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.info import ColourTags, MediaInfo, Tag
from lumaflux.media.stills import orientation, png_chunks
from lumaflux.media.stills.display_window import display_size
from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image
from lumaflux.media.stills.linear_picture import name_of, primaries_of

if TYPE_CHECKING:
    import OpenImageIO as oiio

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXR = b"\x76\x2f\x31\x01"
_DPX = (b"SDPX", b"XPDS")
_DPX_LOG = ("printing density", "logarithmic")  # SMPTE 268M, table of transfer characteristics
_ICC_PRIMARIES = {"display p3": "p3-d65", "adobe rgb": "adobe-rgb", "srgb": "bt709"}  # by the profile's description


def format_of(path: str | os.PathLike) -> str | None:
    """``png``, ``jpeg``, ``tiff``, ``webp``, ``exr`` or ``dpx`` by the file's first bytes, None for anything else."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head.startswith(png_chunks.SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] in _TIFF:
        return "tiff"
    if head[:4] == _EXR:
        return "exr"
    if head[:4] in _DPX:
        return "dpx"
    return "webp" if head[:4] == b"RIFF" and head[8:] == b"WEBP" else None


def is_still(path: str | os.PathLike) -> bool:
    """Whether ``path`` is a picture of one of the kinds that are read."""
    return format_of(path) is not None


def damaged(path: str | os.PathLike, reason: str) -> UserError:
    """The error for a picture that cannot be read to its end."""
    first = next(iter(reason.strip().splitlines()), "no reason given")
    return UserError(f"{path} cannot be read as a picture ({first}); it is truncated or damaged.")


@contextmanager
def open_picture(path: str | os.PathLike) -> Iterator["tuple[oiio.ImageInput, tuple[str, ...]]"]:
    """OpenImageIO's reader on the SDR picture, alpha not multiplied in; and what beside the picture is left out.

    Raises UserError when the file is damaged, also where that shows only inside the block.
    """
    try:
        with _opened(Path(path)) as opened:
            yield opened
    except UnicodeDecodeError as error:  # the library's texts are the file's
        raise damaged(path, "its texts are no UTF-8") from error


@contextmanager
def _opened(path: Path) -> Iterator["tuple[oiio.ImageInput, tuple[str, ...]]"]:
    if format_of(path) != "jpeg":
        yield _open(path, path), ()
        return
    data = path.read_bytes()
    try:
        if not has_gain_map(data):
            primary_image(data)  # for its check that the file is whole
            yield _open(path, path), ()
            return
        primary = primary_image(data)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    with TemporaryDirectory() as folder:
        alone = Path(folder, "primary.jpg")
        alone.write_bytes(primary)
        yield _open(alone, path), ("gain map",)


def _open(path: Path, named: Path) -> "oiio.ImageInput":
    import OpenImageIO as oiio

    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(os.fspath(path), config)
    if source is None:
        raise damaged(named, oiio.geterror())
    return source


def probe_still(path: str | os.PathLike) -> MediaInfo:
    """Describe a picture; see :func:`lumaflux.media.metadata.info.probe`."""
    chunks = _png_chunks(path)
    with open_picture(path) as (source, dropped):
        spec = source.spec()
        colour = _colour(spec, chunks, source.format_name())
        turned = orientation.from_exif(spec.get_int_attribute("Orientation", 1))
        exr = source.format_name() == "openexr"
        try:
            width, height = turned.size(*(display_size(spec) if exr else (spec.width, spec.height)))
        except ValueError as error:
            raise damaged(path, str(error)) from error
        colours = 3 if spec.nchannels >= 3 else 1
        extra = tuple(n for i, n in enumerate(spec.channelnames) if i >= colours and i != spec.alpha_channel)
        _check_last_line(source, path)
        pages = ("further pages",) if source.seek_subimage(1, 0) else ()
        return MediaInfo(
            path=os.fspath(path),
            kind="still",
            container=source.format_name(),
            codec=source.format_name(),
            width=width,
            height=height,
            bit_depth=spec.get_int_attribute("oiio:BitsPerSample", 8 * spec.format.basesize()),
            pixel_format=f"{''.join(spec.channelnames).lower()} {spec.format}",
            range=colour.range,
            matrix=colour.matrix,
            primaries=colour.primaries,
            transfer=colour.transfer,
            frame_count=1,
            sample_aspect_ratio=_pixel_aspect(spec),
            orientation=turned,
            mastering_display=png_chunks.mastering_display(chunks[b"mDCV"]) if b"mDCV" in chunks else None,
            content_light=png_chunks.content_light(chunks[b"cLLI"]) if b"cLLI" in chunks else None,
            alpha=0 <= spec.alpha_channel < spec.nchannels,
            dropped=(*extra, *pages, *dropped, *_unread_profile(spec, chunks)),
        )


def _pixel_aspect(spec: Any) -> Fraction:
    stated = spec.get_float_attribute("PixelAspectRatio", 1.0)
    return Fraction(stated).limit_denominator(1000) if 0.1 < stated < 10 else Fraction(1)


def _check_last_line(source: "oiio.ImageInput", path: str | os.PathLike) -> None:
    """A TIFF file's header opens although its pixels are cut off; its strips can be read alone."""
    spec = source.spec()
    if source.format_name() == "tiff" and not spec.tile_width:
        last = spec.y + spec.height
        if source.read_scanlines(0, 0, last - 1, last, 0, 0, spec.nchannels, "uint8") is None:
            raise damaged(path, source.geterror())


def _png_chunks(path: str | os.PathLike) -> dict[bytes, bytes]:
    if format_of(path) != "png":
        return {}
    try:
        with open(path, "rb") as file:
            return png_chunks.colour_chunks(file)
    except ValueError as error:
        raise damaged(path, str(error)) from error


def _profile(spec: Any) -> str:
    return spec.get_string_attribute("ICCProfile:profile_description")


def _known_profile(spec: Any) -> str | None:
    name = _profile(spec).lower()
    return next((primaries for start, primaries in _ICC_PRIMARIES.items() if name.startswith(start)), None)


def _colour(spec: Any, chunks: dict[bytes, bytes], form: str) -> ColourTags:
    """Primaries and transfer: the cICP chunk before the ICC profile before sRGB (PNG Third Edition 4.3).

    An EXR file is linear; a DPX file holds video unless it says that it holds film densities.
    """
    primaries = transfer = None
    if form == "openexr":
        transfer = "linear"
        if (stated := primaries_of(spec.getattribute("chromaticities"))) is not None:
            primaries = name_of(stated)
    elif form == "dpx":
        log = spec.get_string_attribute("dpx:Transfer").lower() in _DPX_LOG
        return ColourTags(
            range=Tag(value="full", source="guessed"),
            matrix=Tag(value="rgb", source="guessed"),
            primaries=Tag(value="bt709", source="guessed"),
            transfer=Tag(value="log", source="tagged") if log else Tag(value="bt709", source="guessed"),
        )
    elif b"cICP" in chunks:
        primaries = coding_points.PRIMARIES.get(chunks[b"cICP"][0])
        transfer = coding_points.TRANSFER.get(chunks[b"cICP"][1])
    elif profile := _known_profile(spec):
        primaries, transfer = profile, "srgb"
    elif b"sRGB" in chunks:
        primaries, transfer = "bt709", "srgb"
    return ColourTags(
        range=Tag(value="full", source="guessed"),
        matrix=Tag(value="rgb", source="guessed"),
        primaries=Tag(value=primaries or "bt709", source="tagged" if primaries else "guessed"),
        transfer=Tag(value=transfer or "srgb", source="tagged" if transfer else "guessed"),
    )


def _unread_profile(spec: Any, chunks: dict[bytes, bytes]) -> tuple[str, ...]:
    name = _profile(spec)
    if not name or b"cICP" in chunks or _known_profile(spec):
        return ()
    return (f"colour profile {name!r}",)
