"""Ultra HDR JPEG out: the SDR picture as it came, and behind it a gain map to the HDR one (ISO 21496-1, Android)."""

import io
import struct
from pathlib import Path

import numpy as np

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.gainmap.encoding import encode_gain, iso_metadata, iso_version, xmp_of_base, xmp_of_map
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.stills.jpeg_primary import primary_image
from lumaflux.media.stills.orientation import UPRIGHT, Orientation
from lumaflux.media.stills.probe import probe_still

SDR_WHITE_NITS = 203.0  # BT.2408-7 2.2
SUFFIXES = (".jpg", ".jpeg")
_XMP, _ISO, _MPF = b"http://ns.adobe.com/xap/1.0/\0", b"urn:iso:std:iso:ts:21496:-1\0", b"MPF\0"
_APP1, _APP2 = 0xE1, 0xE2
_BASE_QUALITY, _MAP_QUALITY = 95, 92
_PRIMARY = 0x030000  # MP attribute: baseline primary picture (CIPA DC-007 5.2.3.3.1)
_INDEX_BYTES = 8 + 2 + 3 * 12 + 4 + 2 * 16


def write_ultra_hdr(
    target: Path,
    sdr: np.ndarray,
    hdr_pq: np.ndarray,
    *,
    source: Path | None = None,
    peak_nits: float = 1000.0,
    overwrite: bool = False,
) -> LightLevels:
    """Writes upright BT.1886 SDR [3,H,W] in [0,1] and PQ/BT.2020 [3,H,W] as one JPEG; the light levels of the latter.

    A ``source`` that is a JPEG in sRGB or Display P3 becomes the base to the byte; another is encoded.
    Raises UserError for a target that cannot be written.
    """
    levels = LightLevels()
    levels.add_pq(hdr_pq)
    base, primaries, turned = _base_of(source, sdr)
    with AtomicFile(target, overwrite=overwrite, sources=() if source is None else (source,)) as file:
        sdr_linear = np.asarray(srgb.eotf(_decoded(base)), np.float32)
        matrix = rgb_to_rgb(BT2020, CHROMATICITIES[primaries])
        hdr_linear = apply_matrix(matrix, _stored(pq.eotf(hdr_pq), turned) / np.float32(SDR_WHITE_NITS))
        gain = encode_gain(sdr_linear, hdr_linear.astype(np.float32), peak_nits / SDR_WHITE_NITS)
        described = _segment(_APP1, _XMP + xmp_of_map(gain)) + _segment(_APP2, _ISO + iso_metadata(gain))
        second = _with_segments(_jpeg(gain.codes, _MAP_QUALITY), described)
        file.partial.write_bytes(_joined(base, second))
    return levels


def _base_of(source: Path | None, sdr: np.ndarray) -> tuple[bytes, str, Orientation]:
    """JPEG bytes, their primaries, and how they are turned."""
    if source is not None:
        info = probe_still(source)
        if info.codec == "jpeg" and info.transfer.value == "srgb" and info.primaries.value in CHROMATICITIES:
            try:
                return primary_image(source.read_bytes()), info.primaries.value, info.orientation
            except ValueError as error:
                raise UserError(f"{source} is a damaged JPEG file ({error})") from error
    signal = np.asarray(srgb.inverse_eotf(bt1886.eotf(sdr, white_nits=1.0)))
    codes = (255 * signal.clip(0, 1) + 0.5).astype(np.uint8)
    return _jpeg(codes, _BASE_QUALITY), "bt709", UPRIGHT


def _stored(picture: np.ndarray, turned: Orientation) -> np.ndarray:
    """An upright picture as the file stores it."""
    if turned.mirror_y:
        picture = picture[..., ::-1, :]
    if turned.mirror_x:
        picture = picture[..., ::-1]
    return np.ascontiguousarray(np.swapaxes(picture, -1, -2) if turned.transpose else picture)


def _jpeg(codes: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(codes, 0, -1)))
    picture.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def _decoded(jpeg: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.moveaxis(np.asarray(picture.convert("RGB"), np.float32) / np.float32(255), -1, 0)


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _with_segments(jpeg: bytes, segments: bytes) -> bytes:
    """The picture with more application segments, behind those that it has."""
    return jpeg[: (end := _end_of_applications(jpeg))] + segments + jpeg[end:]


def _end_of_applications(jpeg: bytes) -> int:
    position = 2
    while jpeg[position] == 0xFF and 0xE0 <= jpeg[position + 1] <= 0xEF:
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return position


def _joined(base: bytes, second: bytes) -> bytes:
    """Base and map one behind the other, with the directories that tell where the map is."""
    said = _segment(_APP1, _XMP + xmp_of_base(len(second))) + _segment(_APP2, _ISO + iso_version())
    length = len(base) + len(said) + 4 + len(_MPF) + _INDEX_BYTES
    origin = _end_of_applications(base) + len(said) + 4 + len(_MPF)  # of the index; offsets count from it
    index = _segment(_APP2, _MPF + _index(length, len(second), length - origin))
    return _with_segments(base, said + index) + second


def _index(first: int, second: int, offset: int) -> bytes:
    """The multi-picture index of two pictures (CIPA DC-007 5.2.2): a big-endian TIFF directory."""
    entries = struct.pack(">IIIHH", _PRIMARY, first, 0, 0, 0) + struct.pack(">IIIHH", 0, second, offset, 0, 0)
    directory = struct.pack(">H", 3)
    directory += struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    directory += struct.pack(">HHII", 0xB001, 4, 1, 2)
    directory += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    return b"MM\0*" + struct.pack(">I", 8) + directory + struct.pack(">I", 0) + entries
