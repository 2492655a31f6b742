"""Gain-map photographs: the SDR and the HDR picture that one camera made of one scene.

JPEG (Ultra HDR, ISO 21496-1), HEIC and AVIF (``tmap``, ISO 21496-1; Apple's auxiliary picture) and JPEG XL (``jhgm``).
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import srgb
from lumaflux.color.primaries import BT709, BT2020, Primaries, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.gainmap import apple, jxl_bundle
from lumaflux.media.gainmap.apple import headroom_of
from lumaflux.media.gainmap.heif_gain import heif_gain
from lumaflux.media.gainmap.heif_items import HeifItems
from lumaflux.media.gainmap.metadata import GainMapMetadata, from_iso, metadata_of
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.stills.heif import heif_pixels, open_heif
from lumaflux.media.stills.jpeg_pictures import pictures
from lumaflux.media.stills.probe import open_picture, probe_still
from lumaflux.media.video.source import check_file

_SRGB_PROFILES = ("Display P3", "sRGB")  # by name: their curve is sRGB's
GAIN_MAP_SUFFIXES = (".jpg", ".jpeg", ".heic", ".heif", ".avif", ".jxl")  # of files that may hold a gain map
SDR_WHITE_NITS = 203.0  # diffuse white of the master, BT.2408-7 2.2


@dataclass(frozen=True, kw_only=True)
class GainMapPhotograph:
    """``base_linear``: relative light [3,H,W] of the SDR picture in ``primaries``, SDR white = 1.

    ``gain_map``: the map [3,H,W] in [0,1], already of the picture's size.
    """

    base_linear: NDArray[np.float32]
    primaries: Primaries
    gain_map: NDArray[np.float32]
    metadata: GainMapMetadata

    def hdr_nits(self) -> NDArray[np.float32]:
        """The full HDR rendition: cd/m2, BT.2020 [3,H,W], SDR white at 203 nit (ISO 21496-1, 6.4, weight 1)."""
        hdr = apply_gain(self.base_linear, self.gain_map, self.metadata) * np.float32(SDR_WHITE_NITS)
        return apply_matrix(rgb_to_rgb(self.primaries, BT2020), hdr).clip(0, None)

    def sdr_linear(self) -> NDArray[np.float32]:
        """The SDR picture: relative light [3,H,W] in BT.709, clipped to [0,1]."""
        return apply_matrix(rgb_to_rgb(self.primaries, BT709), self.base_linear).clip(0, 1)


def apply_gain(
    base_linear: NDArray[np.float32], gain_map: NDArray[np.float32], metadata: GainMapMetadata
) -> NDArray[np.float32]:
    """Relative light [3,H,W] of the alternate picture at full weight: (base + k_b) 2^G - k_a, not negative.

    G = min + (max - min) map^(1/gamma), in stops (ISO 21496-1, 6.3; Adobe Gain Map 1.0).
    """

    def column(values: tuple[float, float, float]) -> NDArray[np.float32]:
        return np.array(values, np.float32)[:, None, None]

    recovery = gain_map.clip(0, 1) ** (1 / column(metadata.gamma))
    stops = column(metadata.gain_min) + recovery * (column(metadata.gain_max) - column(metadata.gain_min))
    lit = (base_linear + column(metadata.offset_base)) * np.exp2(stops) - column(metadata.offset_alternate)
    return lit.clip(0, None).astype(np.float32)


def read_gain_map_photograph(path: str | os.PathLike) -> GainMapPhotograph:
    """Read a JPEG, HEIC, AVIF or JPEG XL picture with a gain map of its SDR base, upright.

    Raises UserError when it cannot be read, has no gain map, or a map that is not sound.
    """
    path = check_file(Path(path))
    info = probe_still(path)
    read = {"heic": _heif, "avif": _heif, "jpegxl": _jxl}.get(info.container, _jpeg)
    if info.is_hdr:
        raise UserError(f"{path} is HDR already, and its gain map leads to SDR; name a photograph with an SDR base")
    curve = info.transfer.value
    if info.primaries.value not in CHROMATICITIES or not (curve == "srgb" or any(p in curve for p in _SRGB_PROFILES)):
        raise UserError(f"{path} has {info.primaries.value} primaries with a gain map, which are not read.")
    try:
        stored = read(path, info)
    except ValueError as error:
        raise UserError(f"{path} has no sound gain map: {error}.") from error
    if stored is None:
        raise UserError(f"{path} has no gain map; name an Ultra HDR or ISO 21496-1 photograph, or Apple's HEIC.")
    codes, gain_map, metadata, alternate = stored
    primaries = CHROMATICITIES[info.primaries.value]
    linear = np.asarray(srgb.eotf(codes), np.float32)
    if not metadata.in_base_colors:
        primaries, other = CHROMATICITIES[alternate or ""], primaries
        linear = np.asarray(apply_matrix(rgb_to_rgb(other, primaries), linear), np.float32)
    return GainMapPhotograph(
        base_linear=linear,
        primaries=primaries,
        gain_map=_of_size(gain_map, (linear.shape[2], linear.shape[1])),
        metadata=metadata,
    )


# Codes of the base [3,H,W], the map [3,h,w], both upright and in [0,1]; its metadata; the alternate's primaries
_Stored = tuple[NDArray[np.float32], NDArray[np.float32], GainMapMetadata, str | None]


def _jpeg(path: Path, info: MediaInfo) -> _Stored | None:
    primary, *others = pictures(path.read_bytes())
    for picture in others:
        if (metadata := metadata_of(picture)) is not None:
            turned = info.orientation.apply
            return turned(_decoded(primary, path)), turned(_decoded(picture, path)), metadata, None
    return None


def _heif(path: Path, info: MediaInfo) -> _Stored | None:
    data = path.read_bytes()
    found = heif_gain(data)
    if found is None:
        return None
    if not found.turns:
        raise ValueError("it is turned otherwise than its base")
    picture = open_heif(path, info.container, data)
    base = _planes(heif_pixels(picture, path))
    if found.metadata is not None:
        alternate = None if found.alternate is None else coding_points.PRIMARIES.get(found.alternate[0])
        metadata = from_iso(found.metadata, knows_alternate=alternate in CHROMATICITIES)
        shown = HeifItems.of(data).with_primary(data, found.item)
        return base, _planes(heif_pixels(open_heif(path, info.container, shown), path)), metadata, alternate
    headroom = headroom_of(picture.source.info.get("exif"), found.xmp)
    if headroom is None:
        raise ValueError("neither its maker notes nor its map say the headroom")
    auxiliary = np.asarray(picture.source.get_aux_image(found.item))
    grey = auxiliary.reshape(*auxiliary.shape[:2], -1)[..., :1]
    codes = np.asarray(grey, np.float32) / np.float32(np.iinfo(auxiliary.dtype).max)
    return base, *apple.in_stops(_planes(np.repeat(codes, 3, axis=-1)), headroom), None


def _jxl(path: Path, info: MediaInfo) -> _Stored | None:
    bundle = jxl_bundle.bundle_of(path.read_bytes())
    if bundle is None:
        return None
    metadata = from_iso(bundle.metadata)
    with TemporaryDirectory() as folder:
        alone = Path(folder, "map.jxl")
        alone.write_bytes(bundle.gain_map)
        with open_picture(alone) as (source, _):
            codes = source.read_image("float")
    with open_picture(path) as (source, _):
        base = source.read_image("float")
    if codes is None or base is None:
        raise UserError(f"{path} holds a picture that cannot be decoded; it is damaged.")
    return _planes(base), _planes(codes), metadata, None


def _planes(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """[H,W,1 or more] as [3,H,W]."""
    three = pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    return np.ascontiguousarray(np.moveaxis(three, -1, 0)).astype(np.float32)


def _decoded(jpeg: bytes, path: Path) -> NDArray[np.float32]:
    """[3,H,W] in [0,1], as stored."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            return _planes(np.asarray(picture.convert("RGB"), np.float32) / np.float32(255))
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path} holds a picture that cannot be decoded ({error}); it is damaged.") from error


def _of_size(planes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Brought to ``size`` (width, height) by linear interpolation."""
    from PIL import Image

    if size == (planes.shape[2], planes.shape[1]):
        return planes
    return np.stack([np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR)) for plane in planes])
