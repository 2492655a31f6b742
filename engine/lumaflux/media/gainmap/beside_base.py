"""SDR pictures with a gain map behind them in HEIC, AVIF (``tmap``) and JPEG XL (``jhgm``), by ISO 21496-1.

The libraries encode base and map; the boxes that join them are written here, for pillow-heif, Pillow and OpenImageIO
write none.
"""

import io
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.gainmap import jxl_bundle
from lumaflux.media.gainmap.encoding import encode_gain, iso_metadata
from lumaflux.media.gainmap.heif_items import HeifItems, Item, box, heif_file
from lumaflux.media.gainmap.ultra_hdr import SDR_WHITE_NITS
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.stills.heif import heif_pixels, open_heif
from lumaflux.media.stills.probe import open_picture

_BASE_QUALITY, _MAP_QUALITY = 95, 92
_SMALLEST, _LARGEST = 16, 16384  # pixels a side: x265's, and libheif's
_UNTOLD = struct.pack(">HH", 2, 2)  # primaries and transfer of a map, which has none (H.273)
_ALTERNATE = struct.pack(">4sHHHB", b"nclx", 9, 16, 9, 0x80)  # of the HDR picture: BT.2020, PQ, full range


def write_with_gain_map(
    target: Path,
    sdr: np.ndarray,
    hdr_pq: np.ndarray,
    form: str,
    *,
    peak_nits: float = 1000.0,
    overwrite: bool = False,
    sources: tuple[str | os.PathLike, ...] = (),
) -> LightLevels:
    """Writes upright BT.1886 SDR [3,H,W] in [0,1] and PQ/BT.2020 [3,H,W] as one file of ``form`` (heic, avif,
    jpegxl): the base in sRGB with 8 bits, the map in its primaries. Returns the light levels of the HDR picture.

    Raises UserError for a size that the format has not, and a target that cannot be written.
    """
    height, width = sdr.shape[1:]
    if form != "jpegxl" and not _SMALLEST <= min(height, width) <= max(height, width) <= _LARGEST:
        raise UserError(f"{target}: it holds {_SMALLEST} to {_LARGEST} pixels a side, not {width}x{height}; use .jxl")
    levels = LightLevels()
    levels.add_pq(hdr_pq)
    encoded = _ENCODERS[form]
    with AtomicFile(target, overwrite=overwrite, sources=sources, exclusive=True) as file:
        try:
            signal = np.asarray(srgb.inverse_eotf(bt1886.eotf(sdr, white_nits=1.0)))
            base = encoded(_eight_bits(signal), _BASE_QUALITY)
            light = apply_matrix(rgb_to_rgb(BT2020, BT709), pq.eotf(hdr_pq) / np.float32(SDR_WHITE_NITS))
            shown = np.asarray(srgb.eotf(_decoded(base, form, target)), np.float32)
            gain = encode_gain(shown, light.astype(np.float32), peak_nits / SDR_WHITE_NITS)
            gain_map = encoded(np.moveaxis(gain.codes, 0, -1), _MAP_QUALITY)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{target} cannot be written ({' '.join(str(error).split())}); use .jpg") from error
        if form == "jpegxl":
            data = jxl_bundle.joined(base, iso_metadata(gain), gain_map)
        else:
            data = _tone_mapped(base, gain_map, iso_metadata(gain), form)
        file.partial.write_bytes(data)
    return levels


def _eight_bits(signal: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis((255 * signal.clip(0, 1) + 0.5).astype(np.uint8), 0, -1))


def _heic(codes: np.ndarray, quality: int) -> bytes:
    import pillow_heif

    made, out = pillow_heif.HeifFile(), io.BytesIO()
    made.add_frombytes("RGB", (codes.shape[1], codes.shape[0]), np.ascontiguousarray(codes).tobytes())
    made.save(out, quality=quality, chroma=444, save_nclx_profile=True)
    return out.getvalue()


def _avif(codes: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(codes))
    picture.save(out, "AVIF", quality=quality, subsampling="4:4:4")
    return out.getvalue()


def _jxl(codes: np.ndarray, quality: int) -> bytes:
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(codes.shape[1], codes.shape[0], 3, "uint8")
    spec.attribute("compression", f"jpegxl:{quality}")
    spec.attribute("oiio:ColorSpace", "sRGB")
    with TemporaryDirectory() as folder:
        alone = Path(folder, "picture.jxl")
        output = oiio.ImageOutput.create("jpegxl")
        whole = np.ascontiguousarray(codes)
        if output is None or not (output.open(str(alone), spec) and output.write_image(whole) and output.close()):
            raise RuntimeError("OpenImageIO has no JPEG XL writer" if output is None else output.geterror())
        return alone.read_bytes()


_ENCODERS: dict[str, Callable[[np.ndarray, int], bytes]] = {"heic": _heic, "avif": _avif, "jpegxl": _jxl}


def _decoded(data: bytes, form: str, named: Path) -> np.ndarray:
    """The base [3,H,W] as readers will see it."""
    if form != "jpegxl":
        return np.moveaxis(heif_pixels(open_heif(named, form, data), named)[..., :3], -1, 0)
    with TemporaryDirectory() as folder:
        alone = Path(folder, "picture.jxl")
        alone.write_bytes(data)
        with open_picture(alone) as (source, _):
            return np.moveaxis(np.asarray(source.read_image("float"))[..., :3], -1, 0)


def _tone_mapped(base: bytes, gain_map: bytes, metadata: bytes, form: str) -> bytes:
    """Base, hidden map and the item that says how the two make the HDR picture (23008-12, tone map derivation)."""
    first, second = (file.items[file.primary] for file in (HeifItems.of(base), HeifItems.of(gain_map)))
    size = first.property_of(b"ispe") or b""
    derived = Item(
        kind=b"tmap",
        payload=b"\0" + metadata,
        properties=(
            (box(b"ispe", size), False),
            (box(b"pixi", bytes(4) + bytes([3, 10, 10, 10])), False),
            (box(b"colr", _ALTERNATE), False),
        ),
    )
    uncolored = tuple(
        (box(b"colr", b"nclx" + _UNTOLD + found[16:]) if found[4:12] == b"colrnclx" else found, must)
        for found, must in second.properties
    )
    items = [first, replace(second, properties=uncolored, hidden=True), derived]
    return heif_file((form.encode(), b"mif1", b"miaf", b"tmap"), items, [(b"dimg", 3, (1, 2))], (3, 1))
