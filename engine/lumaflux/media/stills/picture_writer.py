"""Pictures out, one file a frame: 16-bit PNG, TIFF and JPEG XL, 10-bit DPX, half-float EXR, and SDR PNG of 8 bits."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lumaflux.color import bt1886, bt2390, hlg, pq, srgb
from lumaflux.color.primaries import ACES_AP0, ACES_AP1, BT709, BT2020, Primaries
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS, sdr_to_pq
from lumaflux.color.spaces import from_nits, to_nits
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.metadata.light_levels import LightLevels, check_frame
from lumaflux.media.metadata.mastering import ContentLight, MasteringDisplay, container_display
from lumaflux.media.stills.matte_picture import CHANNELS
from lumaflux.media.stills.png_chunks import SRGB, copy_with, hdr_chunks

ExrCompression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]
_PNG_FILTER_SUB = 16  # libpng's bit; with level 1 three times as fast as its defaults, and as small
_HALF_LARGEST = 65504.0
_BAND_PIXELS = 1 << 20
_JXL_QUALITY = 98  # of 100, which would be lossless and several times as large
_ENCODED = "PQ (SMPTE ST 2084), BT.2020 primaries, R'G'B' full range"


@dataclass(frozen=True, kw_only=True)
class PictureFormat:
    """One way to write a frame. ``space`` is its colour space by the names of :mod:`lumaflux.color.spaces`, or
    ``hlg-bt2020``."""

    suffixes: tuple[str, ...]
    format: str  # OpenImageIO's name
    bits: int
    space: str
    primaries: Primaries = BT2020

    @property
    def is_hlg(self) -> bool:
        return self.space == "hlg-bt2020"

    @property
    def is_delivered(self) -> bool:
        """Whether it is a photograph for viewers, always PQ or HLG, and not a frame for further work."""
        return self.format in ("avif", "heic", "jpegxl") or self.gain_map is not None

    @property
    def gain_map(self) -> str | None:
        """The format of an SDR picture with a gain map behind it, but for JPEG: heic, avif or jpegxl."""
        return self.format.removesuffix("-gain-map") if self.format.endswith("-gain-map") else None

    @property
    def cicp(self) -> tuple[int, int, int, int]:
        """H.273's codes of an HDR picture in R'G'B': primaries, transfer, matrix, full range."""
        return (9, 18 if self.is_hlg else 16, 0, 1)


PNG = PictureFormat(suffixes=(".png",), format="png", bits=16, space="pq-bt2020")
TIFF = PictureFormat(suffixes=(".tif", ".tiff"), format="tiff", bits=16, space="pq-bt2020")
DPX = PictureFormat(suffixes=(".dpx",), format="dpx", bits=10, space="pq-bt2020")
EXR = PictureFormat(suffixes=(".exr",), format="openexr", bits=16, space="linear-bt2020")
EXR_ACES = PictureFormat(suffixes=(".exr",), format="openexr", bits=16, space="aces2065-1", primaries=ACES_AP0)
SDR_PNG = PictureFormat(suffixes=(".png",), format="png", bits=8, space="srgb", primaries=BT709)
ULTRA_HDR = PictureFormat(suffixes=(".jpg", ".jpeg"), format="ultra-hdr", bits=8, space="pq-bt2020")
HEIC_GAIN_MAP = PictureFormat(suffixes=(".heic", ".heif"), format="heic-gain-map", bits=8, space="pq-bt2020")
AVIF_GAIN_MAP = PictureFormat(suffixes=(".avif",), format="avif-gain-map", bits=8, space="pq-bt2020")
JXL_GAIN_MAP = PictureFormat(suffixes=(".jxl",), format="jpegxl-gain-map", bits=8, space="pq-bt2020")
AVIF = PictureFormat(suffixes=(".avif",), format="avif", bits=10, space="pq-bt2020")
AVIF_HLG = PictureFormat(suffixes=(".avif",), format="avif", bits=10, space="hlg-bt2020")
HEIC = PictureFormat(suffixes=(".heic", ".heif"), format="heic", bits=10, space="pq-bt2020")
HEIC_HLG = PictureFormat(suffixes=(".heic", ".heif"), format="heic", bits=10, space="hlg-bt2020")
HEIC_12 = PictureFormat(suffixes=(".heic", ".heif"), format="heic", bits=12, space="pq-bt2020")
JXL = PictureFormat(suffixes=(".jxl",), format="jpegxl", bits=16, space="pq-bt2020")
JXL_HLG = PictureFormat(suffixes=(".jxl",), format="jpegxl", bits=16, space="hlg-bt2020")
EXR_ACESCG = PictureFormat(suffixes=(".exr",), format="openexr", bits=16, space="acescg", primaries=ACES_AP1)


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """``reference_white``: the light in cd/m2 that linear pictures hold as 1. ``transform`` takes the place of the
    format's own colour space: PQ BT.2020 [3,H,W] -> the values to write (OpenColorIO's, by the user's configuration).
    """

    display: MasteringDisplay | None = None
    stated: ContentLight | None = None
    reference_white: float = 203.0
    compression: ExrCompression = "zip"
    transform: Callable[[np.ndarray], np.ndarray] | None = None
    pixel_aspect: float = 1.0
    overwrite: bool = False


def write_picture(
    path: Path,
    hdr_pq: np.ndarray,
    kind: PictureFormat,
    options: PictureOptions,
    *,
    alpha: np.ndarray | None = None,
    shares: np.ndarray | None = None,
    sources: tuple[str | os.PathLike, ...] = (),
) -> LightLevels:
    """Write PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1], with unassociated alpha [H,W] if there is one; into EXR also
    the ``shares`` of a matte [3,H,W], as channels of their own.

    Returns the light levels, measured on the values written. Raises ValueError for another shape or values that are
    not finite, UserError for a target that cannot be written.
    """
    check_frame(hdr_pq)
    levels = LightLevels()
    if kind.format == "openexr":
        pixels = _linear(hdr_pq, kind, options)
        if options.transform is None:
            levels.add_nits(to_nits(pixels.astype(np.float32), kind.space, options.reference_white).clip(0, None))
        pixels = pixels if alpha is None else np.concatenate([pixels * alpha, alpha[None]]).astype(np.float16)
        pixels = pixels if shares is None else np.concatenate([pixels, shares.astype(np.float16)])
        pixels = np.moveaxis(pixels, 0, -1)
    else:
        height, width = hdr_pq.shape[1:]
        kept = np.uint8 if kind is SDR_PNG else np.uint16
        pixels = np.empty((height, width, 3 if alpha is None else 4), kept)
        levels.add_bands(shown(hdr_pq, alpha, pixels, kind, options))
    if options.transform is not None and kind.format == "openexr":
        levels.add_pq(hdr_pq.clip(0, 1))  # in a space of the user's own the light is that which was meant
    with AtomicFile(path, overwrite=options.overwrite, sources=sources, exclusive=True) as file:
        target = file.scratch if kind.format == "png" else file.partial
        spec = _spec(pixels, kind, options)
        if shares is not None and kind.format == "openexr":
            spec.channelnames = ("R", "G", "B", *("A" for _ in [alpha] if alpha is not None), *CHANNELS)
            spec.alpha_channel = -1 if alpha is None else 3
        _write(target, np.ascontiguousarray(pixels), spec, kind, path)
        if kind.format == "jpegxl":
            _check_jxl(target, kind, path)
        if kind.format == "png":
            _tag_png(file, levels, options, kind)
    return levels


def bands(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture, so many at a time that what is made of them on the way is small."""
    rows = max(1, _BAND_PIXELS // width)
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def shown(
    hdr_pq: np.ndarray, alpha: np.ndarray | None, pixels: np.ndarray, kind: PictureFormat, options: PictureOptions
) -> Iterator[np.ndarray]:
    """Fills ``pixels`` [H,W,channels] with codes and gives, band by band, the PQ signal [3,h,W] that they show."""
    largest = np.float32(2**kind.bits - 1)
    for rows in bands(*pixels.shape[:2]):
        band = np.ascontiguousarray(hdr_pq[:, rows])
        signal = band if options.transform is None else options.transform(band)
        if kind is SDR_PNG:
            signal = _sdr(band, options)
        elif kind.is_hlg:
            signal = hlg.from_pq(band.clip(0, 1)).astype(np.float32)
        codes = np.floor(signal.clip(0, 1) * largest + np.float32(0.5))
        if options.transform is not None:
            yield band.clip(0, 1)  # in a space of the user's own the light is that which was meant
        elif kind.is_hlg:
            yield hlg.to_pq(codes / largest).astype(np.float32)
        else:
            yield sdr_to_pq(srgb_to_bt1886(codes / largest)) if kind is SDR_PNG else codes / largest
        if alpha is not None:
            codes = np.concatenate([codes, np.floor(alpha[None, rows].clip(0, 1) * largest + np.float32(0.5))])
        whole = codes.astype(pixels.dtype) if kind is SDR_PNG else _sixteen_bits(codes, kind.bits)
        pixels[rows] = np.moveaxis(whole, 0, -1)


def _linear(hdr_pq: np.ndarray, kind: PictureFormat, options: PictureOptions) -> np.ndarray:
    """float16 [3,H,W]: 1 is reference white."""
    if options.transform is not None:
        values = options.transform(hdr_pq)
    else:
        values = from_nits(pq.eotf(hdr_pq.clip(0, 1)), kind.space, options.reference_white)
    return values.clip(-_HALF_LARGEST, _HALF_LARGEST).astype(np.float16)


def _sdr(hdr_pq: np.ndarray, options: PictureOptions) -> np.ndarray:
    """The sRGB signal of what an SDR screen can show: BT.2390 from the display's peak to 203 cd/m2."""
    peak = options.display.max_nits if options.display is not None else 1000.0
    video = bt2390.sdr_from_hdr(pq.eotf(hdr_pq), max(peak, REFERENCE_WHITE_NITS), REFERENCE_WHITE_NITS)
    return np.asarray(srgb.inverse_eotf(bt1886.eotf(video, white_nits=1.0)), np.float32)


def _sixteen_bits(codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes of ``bits`` in 16, the upper bits repeated below: writers of fewer bits shift them back unchanged."""
    whole = codes.astype(np.uint16)
    return whole if bits == 16 else (whole << (16 - bits)) | (whole >> (2 * bits - 16))


def _spec(pixels: np.ndarray, kind: PictureFormat, options: PictureOptions) -> Any:
    import OpenImageIO as oiio

    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, {"openexr": "half"}.get(kind.format, str(pixels.dtype)))
    if kind.format == "png":
        spec.attribute("png:compressionLevel", 1)
        spec.attribute("png:filter", _PNG_FILTER_SUB)
    if options.pixel_aspect != 1:
        spec.attribute("PixelAspectRatio", options.pixel_aspect)
    if kind.format in ("png", "tiff", "jpegxl"):
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if kind.format == "tiff":
        spec.attribute("compression", "zip")
        spec.attribute("tiff:zipquality", 1)
    if kind.format == "jpegxl":
        spec.attribute("compression", f"jpegxl:{_JXL_QUALITY}")
        spec.attribute("CICP", oiio.TypeDesc("int[4]"), kind.cicp)
    if kind.format == "dpx":
        spec.attribute("oiio:BitsPerSample", kind.bits)
        spec.attribute("dpx:Transfer", "User defined")
        spec.attribute("dpx:Colorimetric", "User defined")
    if kind.format in ("tiff", "dpx") and options.transform is None:
        spec.attribute("ImageDescription", _ENCODED)
    if kind.format == "openexr":
        _exr_attributes(spec, kind, options)
    return spec


def _exr_attributes(spec: Any, kind: PictureFormat, options: PictureOptions) -> None:
    import OpenImageIO as oiio

    spec.attribute("compression", options.compression)
    if options.transform is not None:
        return
    p = kind.primaries
    xy = [value for point in (p.red, p.green, p.blue, p.white) for value in point]
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), tuple(xy))
    spec.attribute("whiteLuminance", float(options.reference_white))
    if kind is EXR_ACES and options.compression == "none":
        spec.attribute("acesImageContainerFlag", 1)  # ST 2065-4 allows no compression


def _write(partial: Path, pixels: np.ndarray, spec: Any, kind: PictureFormat, named: Path) -> None:
    import OpenImageIO as oiio

    output = oiio.ImageOutput.create(kind.format)
    if output is None:
        raise RuntimeError(f"OpenImageIO came without its {kind.format} writer.")
    if not (output.open(os.fspath(partial), spec) and output.write_image(pixels) and output.close()):
        raise UserError(f"{named} cannot be written ({output.geterror().strip() or 'no reason given'}).")


def _check_jxl(written: Path, kind: PictureFormat, named: Path) -> None:
    """An OpenImageIO that does not know CICP would write JPEG XL without it: such a picture must not stay."""
    import OpenImageIO as oiio

    source = oiio.ImageInput.open(os.fspath(written))
    stated = None if source is None else source.spec().getattribute("CICP")
    if stated is None or tuple(stated) != kind.cicp:
        raise UserError(
            f"{named} cannot be tagged as HDR by this OpenImageIO; install a newer openimageio (3.2 does it)"
        )


def _tag_png(file: AtomicFile, levels: LightLevels, options: PictureOptions, kind: PictureFormat) -> None:
    chunks = b""
    if kind is SDR_PNG:
        chunks = SRGB
    elif options.transform is None:
        chunks = hdr_chunks(options.stated or levels.content_light, options.display or container_display(1000.0))
    with open(file.scratch, "rb") as plain, open(file.partial, "wb") as tagged:
        try:
            copy_with(plain, tagged, chunks)
        except ValueError as error:  # the writer below did not hear of it
            raise UserError(f"{file.target} cannot be written ({error}).") from error
