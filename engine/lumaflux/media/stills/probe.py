"""What a picture says of itself: PNG, JPEG, JPEG XL, TIFF, WebP, EXR, DPX by OpenImageIO, HEIC and AVIF by libheif."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.media.gainmap.jxl_bundle import codestream, has_bundle
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.metadata.origin import camera_of_still
from lumaflux.media.stills import orientation, png_chunks
from lumaflux.media.stills.camera_raw import camera_raw
from lumaflux.media.stills.color_models import is_cmyk, needs_raw_values
from lumaflux.media.stills.exr import chosen_layer, display_size, refuse_layer
from lumaflux.media.stills.heif import HeifPicture, heif_kind, open_heif
from lumaflux.media.stills.jpeg_pictures import further_pictures
from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image
from lumaflux.media.stills.jxl_header import is_animation
from lumaflux.media.stills.picture_color import PictureColor, of_nclx, of_profile, picture_color

if TYPE_CHECKING:
    import OpenImageIO as oiio

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXR = b"\x76\x2f\x31\x01"
_DPX = (b"SDPX", b"XPDS")
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")  # ISO/IEC 18181: a bare codestream, a container
_HEAD = 256


def format_of(path: str | os.PathLike) -> str | None:
    """``png``, ``jpeg``, ``jpegxl``, ``tiff``, ``webp``, ``exr``, ``dpx``, ``heic`` or ``avif`` by the first bytes."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if head.startswith(png_chunks.SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_JXL):
        return "jpegxl"
    if head[:4] in _TIFF:
        return "tiff"
    if head[:4] == _EXR:
        return "exr"
    if head[:4] in _DPX:
        return "dpx"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else heif_kind(head)


def is_still(path: str | os.PathLike) -> bool:
    """Whether ``path`` is a picture: of one of the kinds that are read, or a camera's raw values."""
    return format_of(path) is not None or camera_raw(path) is not None


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
    form = format_of(path)
    if form != "jpeg":
        beside = _beside_jxl(path) if form == "jpegxl" else ()
        yield _open(path, path), beside
        return
    data = path.read_bytes()
    try:
        if not has_gain_map(data):
            primary_image(data)  # for its check that the file is whole
            yield _open(path, path), _further_pictures(data)
            return
        primary = primary_image(data)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    with TemporaryDirectory() as folder:
        alone = Path(folder, "primary.jpg")
        alone.write_bytes(primary)
        yield _open(alone, path), ("gain map", *_further_pictures(data))


def _further_pictures(data: bytes) -> tuple[str, ...]:
    """The other eye, other exposures or views of a multi-picture file."""
    try:
        count = further_pictures(data)
    except ValueError:  # an index that lies names nothing
        return ()
    return (f"further pictures ({count})",) if count > 0 else ()


def _beside_jxl(path: Path) -> tuple[str, ...]:
    data = path.read_bytes()
    try:
        if is_animation(codestream(data)):
            raise UserError(
                f"{path} is an animation, of which only the last frame could be read; write its frames as .png"
            )
        return ("gain map",) if has_bundle(data) else ()
    except ValueError as error:
        raise damaged(path, str(error)) from error


def _open(path: Path, named: Path) -> "oiio.ImageInput":
    import OpenImageIO as oiio

    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(os.fspath(path), config)
    if source is not None and needs_raw_values(source.spec()):
        config.attribute("oiio:RawColor", 1)
        source = oiio.ImageInput.open(os.fspath(path), config)
    if source is None:
        said = oiio.geterror()
        if "64 bits per sample" in said:
            raise UserError(f"{named} holds 64-bit integers, which are not read; save it with 16 bits, or as floats.")
        raise damaged(named, said)
    return source


def probe_still(path: str | os.PathLike, layer: str | None = None) -> MediaInfo:
    """Describe a picture; see :func:`lumaflux.media.metadata.info.probe`. ``layer`` names one of an EXR file's."""
    if (raw := camera_raw(path)) is not None:
        raise UserError(f"{path} is a camera raw file ({raw}); develop it first, and give the picture that comes out.")
    kind = format_of(path)
    if kind != "exr":
        refuse_layer(layer, os.fspath(path))
    if kind in ("heic", "avif"):
        return _probe_heif(path, kind)
    chunks = _png_chunks(path)
    with open_picture(path) as (source, dropped):
        picked = None
        pages = _further_pages(source, path, chunks)
        extra: tuple[str, ...] = ()
        if source.format_name() == "openexr":
            picked, extra = chosen_layer(source, layer, os.fspath(path))
            source.seek_subimage(picked.part, 0)
            pages = ()
        spec = source.spec()
        _refuse_misread(source, path)
        color = picture_color(path, spec, chunks, source.format_name())
        colour = color.tags
        stated = 1 if source.format_name() == "jpegxl" else spec.get_int_attribute("Orientation", 1)
        turned = orientation.from_exif(stated)  # JPEG XL's decoder has turned it already
        try:
            width, height = turned.size(*(display_size(spec) if picked else (spec.width, spec.height)))
        except ValueError as error:
            raise damaged(path, str(error)) from error
        alpha = picked.alpha is not None if picked else 0 <= spec.alpha_channel < spec.nchannels
        if not picked:
            colours = 3 if spec.nchannels >= 3 else 1
            extra = tuple(n for i, n in enumerate(spec.channelnames) if i >= colours and i != spec.alpha_channel)
            if is_cmyk(spec):
                extra = ()
        _check_last_line(source, path)
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
            alpha=alpha,
            dropped=(*extra, *pages, *dropped),
            camera=camera_of_still(spec, dropped),
            hdr=color.hdr,
        )


def _probe_heif(path: str | os.PathLike, kind: str) -> MediaInfo:
    picture = open_heif(path, kind)
    color = heif_color(picture, os.fspath(path))
    return MediaInfo(
        path=os.fspath(path),
        kind="still",
        container=kind,
        codec=kind,
        width=picture.width,
        height=picture.height,
        bit_depth=picture.bits,
        pixel_format="rgba" if picture.alpha else "rgb",
        range=color.range,
        matrix=color.tags.matrix,
        primaries=color.primaries,
        transfer=color.transfer,
        frame_count=1,
        alpha=picture.alpha,
        dropped=picture.dropped,
        camera="a gain map" if "gain map" in picture.dropped else None,
        hdr=color.hdr,
    )


def heif_color(picture: HeifPicture, where: str) -> PictureColor:
    """By its ICC profile, or else its nclx codes; HDR ones in nclx count beside a profile too."""
    stated = PictureColor() if picture.nclx is None else of_nclx(*picture.nclx)
    if picture.icc is None or stated.transfer.value in coding_points.HDR_TRANSFERS:
        return stated
    return of_profile(picture.icc, where)


def _further_pages(source: "oiio.ImageInput", path: str | os.PathLike, chunks: dict[bytes, bytes]) -> tuple[str, ...]:
    """What follows the first picture: frames of APNG and WebP, pages of TIFF."""
    animated = int.from_bytes(chunks[b"acTL"][:4], "big") if b"acTL" in chunks else 1
    if source.format_name() == "webp":
        with open(path, "rb") as file:
            animated = file.read().count(b"ANMF")
    if animated > 1:
        return (f"animation ({animated - 1} further frames)",)
    there = source.seek_subimage(1, 0)
    source.seek_subimage(0, 0)
    return ("further pages",) if there else ()


def _pixel_aspect(spec: Any) -> Fraction:
    stated = spec.get_float_attribute("PixelAspectRatio", 1.0)
    return Fraction(stated).limit_denominator(1000) if 0.1 < stated < 10 else Fraction(1)


def _refuse_misread(source: "oiio.ImageInput", path: str | os.PathLike) -> None:
    """OpenImageIO 3.2 gives wrong values for TIFF of 64-bit floats in tiles, or in a single row."""
    spec = source.spec()
    if source.format_name() == "tiff" and spec.format == "double" and (spec.tile_width or spec.height == 1):
        layout = "tiles" if spec.tile_width else "a single row"
        raise UserError(f"{path} holds 64-bit floats in {layout}, which cannot be read; save it with 32-bit floats.")


def _check_last_line(source: "oiio.ImageInput", path: str | os.PathLike) -> None:
    """A TIFF file's header opens although its pixels are cut off; its strips can be read alone."""
    spec = source.spec()
    if source.format_name() == "tiff" and not spec.tile_width:
        last = spec.y + spec.height
        # compressed planes cannot be entered in their middle
        first = spec.y if spec.get_string_attribute("planarconfig") == "separate" else last - 1
        if source.read_scanlines(0, 0, first, last, 0, 0, spec.nchannels, "uint8") is None:
            raise damaged(path, source.geterror())


def _png_chunks(path: str | os.PathLike) -> dict[bytes, bytes]:
    if format_of(path) != "png":
        return {}
    try:
        with open(path, "rb") as file:
            return png_chunks.colour_chunks(file)
    except ValueError as error:
        raise damaged(path, str(error)) from error
