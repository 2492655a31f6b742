"""Gain-map photographs (Ultra HDR, ISO 21496-1): the SDR and the HDR picture that one camera made of one scene."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import srgb
from lumaflux.color.primaries import BT709, BT2020, Primaries, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.gainmap.metadata import GainMapMetadata, metadata_of
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.stills.jpeg_pictures import pictures
from lumaflux.media.stills.probe import probe_still
from lumaflux.media.video.source import check_file

_SRGB_PROFILES = ("Display P3", "sRGB")  # by name: their curve is sRGB's
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
    """Read a JPEG with a gain map, upright.

    Raises UserError when it cannot be read, has no gain map, or a map that is not sound.
    """
    path = check_file(Path(path))
    info = probe_still(path)
    try:
        primary, *others = pictures(path.read_bytes())
        maps = [(other, found) for other in others if (found := metadata_of(other)) is not None]
    except ValueError as error:
        raise UserError(f"{path} has no sound gain map: {error}.") from error
    if not maps:
        raise UserError(f"{path} is a JPEG picture without a gain map; name an Ultra HDR or ISO 21496-1 photograph.")
    curve = info.transfer.value
    if info.primaries.value not in CHROMATICITIES or not (curve == "srgb" or any(p in curve for p in _SRGB_PROFILES)):
        raise UserError(f"{path} has {info.primaries.value} primaries with a gain map, which are not read.")
    picture, metadata = maps[0]
    base = _decoded(primary, path)
    return GainMapPhotograph(
        base_linear=info.orientation.apply(np.asarray(srgb.eotf(base), np.float32)),
        primaries=CHROMATICITIES[info.primaries.value],
        gain_map=info.orientation.apply(_decoded(picture, path, size=(base.shape[2], base.shape[1]))),
        metadata=metadata,
    )


def _decoded(jpeg: bytes, path: Path, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """[3,H,W] in [0,1], as stored; brought to ``size`` (width, height) by linear interpolation."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            codes = np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path} holds a picture that cannot be decoded ({error}); it is damaged.") from error
    planes = [np.ascontiguousarray(codes[..., channel]) for channel in range(3)]
    if size is not None and size != (codes.shape[1], codes.shape[0]):
        planes = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR)) for plane in planes]
    return np.stack(planes)
