"""HDR HEIC out: one HEVC picture of 10 or 12 bits, by x265 inside of pillow-heif (docs/decisions/0003-media.md)."""

import io
import os
from pathlib import Path

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.metadata.light_levels import LightLevels, check_frame
from lumaflux.media.stills.picture_writer import PictureFormat, PictureOptions, shown

_QUALITY = 95
_MATRIX = 9  # BT.2020, non-constant luminance
_SMALLEST = 16  # pixels a side, of x265
_LARGEST = 16384  # libheif's own limit a side


def write_heic(
    path: Path,
    hdr_pq: np.ndarray,
    kind: PictureFormat,
    *,
    alpha: np.ndarray | None = None,
    overwrite: bool = False,
    sources: tuple[str | os.PathLike, ...] = (),
) -> LightLevels:
    """PQ/BT.2020 R'G'B' float32 [3,H,W] in [0,1], with unassociated alpha [H,W] if there is one, as HEVC of
    ``kind.bits``: 4:2:0 (Main 10) for 10, 4:4:4 for 12, full range, tagged 9/16/9 or 9/18/9 by nclx.

    Returns the light levels of the codes before their compression. Raises UserError for a size that cannot be written,
    for a library that does not tag it so, and for a target that cannot be written.
    """
    check_frame(hdr_pq)
    height, width = hdr_pq.shape[1:]
    if not _SMALLEST <= min(height, width) <= max(height, width) <= _LARGEST:
        raise UserError(
            f"{path}: HEIC holds pictures of {_SMALLEST} to {_LARGEST} pixels a side, not {width}x{height}; use .png"
        )
    pixels, levels = np.empty((height, width, 3 if alpha is None else 4), np.uint16), LightLevels()
    levels.add_bands(shown(hdr_pq, alpha, pixels, kind, PictureOptions()))
    data = _encoded(pixels, kind, path)
    with AtomicFile(path, overwrite=overwrite, sources=sources, exclusive=True) as file:
        file.partial.write_bytes(data)
    return levels


def _encoded(pixels: np.ndarray, kind: PictureFormat, named: Path) -> bytes:
    """The file. It is opened again, for a library that leaves PQ out would be worse than none."""
    import pillow_heif

    primaries, transfer, _, full = kind.cicp
    size, mode = (pixels.shape[1], pixels.shape[0]), "RGB;16" if pixels.shape[2] == 3 else "RGBA;16"
    buffer = io.BytesIO()
    try:
        made = pillow_heif.HeifFile()
        made.add_frombytes(mode, size, pixels.tobytes())
        made.save(
            buffer,
            quality=_QUALITY,
            bit_depth=kind.bits,
            chroma=420 if kind.bits == 10 else 444,
            save_nclx_profile=True,
            color_primaries=primaries,
            transfer_characteristics=transfer,
            matrix_coefficients=_MATRIX,
            full_range_flag=full,
        )
        info = pillow_heif.open_heif(io.BytesIO(buffer.getvalue()), convert_hdr_to_8bit=False)[0].info
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{named} cannot be written as HEIC ({' '.join(str(error).split())}); use .png") from error
    nclx = info.get("nclx_profile") or {}
    stated = tuple(int(nclx.get(f"{name}", 0)) for name in ("color_primaries", "transfer_characteristics"))
    if stated != (primaries, transfer) or info.get("bit_depth") != kind.bits:
        raise UserError(
            f"{named} cannot be tagged as HDR by this pillow-heif; install a newer pillow-heif (1.8 does it)"
        )
    return buffer.getvalue()
