"""One page for any screen: it asks nobody for anything.

The picture of the page is an Ultra HDR JPEG: an SDR screen shows its tone-mapped base, an HDR screen its light.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from lumaflux.color import pq
from lumaflux.viewing.self_contained import self_contained
from lumaflux.viewing.sheet import Sheet
from lumaflux.viewing.shots import ShotView
from lumaflux.viewing.views import Pixels, reduced, viewable

LARGEST_PAGE = 2_000_000  # bytes
_STEPS = ((960, 85), (800, 80), (640, 76), (480, 70), (320, 60))  # width in pixels, JPEG quality
_SHOWN_SHOTS = 60


def page(sheets: Sequence[Sheet], shots: Sequence[ShotView] = (), more_shots: int = 0) -> str:
    """HTML of at most 2 MB of one file, or of two for a slider between them; ``shots`` are the first file's.

    ``more_shots``: how many the clip has beyond those.
    """
    text = ""
    for width, quality in _STEPS:
        text = self_contained(
            "lumaflux.viewing",
            files=[_file(sheet, width, quality) for sheet in sheets],
            shots=[_shot(shot, quality) for shot in shots[:_SHOWN_SHOTS]],
            more_shots=more_shots + max(0, len(shots) - _SHOWN_SHOTS),
        )
        if len(text.encode()) <= LARGEST_PAGE:
            break
    return text


def _file(sheet: Sheet, width: int, quality: int) -> dict:
    return {
        "name": sheet.path.name,
        "kind": sheet.kind,
        "rows": sheet.rows(),
        "view": _hdr_uri(sheet, width),
        "false_color": jpeg_uri(sheet.false_color(width), quality),
        "scopes": {name: jpeg_uri(pixels, quality) for name, pixels in sheet.scopes.items()},
    }


def _shot(shot: ShotView, quality: int) -> dict:
    light = shot.light
    return {
        "picture": jpeg_uri(shot.thumbnail, quality),
        "frames": f"{light.first}–{light.last}",
        "exposure": f"{shot.exposure:+.1f}",
        "max_cll": light.max_cll,
        "max_fall": light.max_fall,
        "median": f"{light.percentiles[50.0]:.1f}",
    }


def _hdr_uri(sheet: Sheet, width: int) -> str:
    """An Ultra HDR JPEG whose base is what an SDR screen can show."""
    from lumaflux.media.gainmap.ultra_hdr import write_ultra_hdr

    nits = reduced(sheet.nits, width)
    base = viewable(nits, sheet.peak)
    if sheet.peak <= 203.0:
        return jpeg_uri(base, 90)
    sdr = np.ascontiguousarray(base.transpose(2, 0, 1), np.float32) / np.float32(255)
    with TemporaryDirectory() as folder:
        path = Path(folder, "view.jpg")
        write_ultra_hdr(path, sdr, np.asarray(pq.inverse_eotf(nits), np.float32), peak_nits=max(sheet.peak, 210.0))
        return _uri(path.read_bytes())


def jpeg_uri(pixels: Pixels, quality: int) -> str:
    """A data URI of sRGB [H,W,3]."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality, subsampling=0 if quality >= 85 else 2)
    return _uri(file.getvalue())


def _uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
