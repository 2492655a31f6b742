"""One upload, converted and seen: everything that the page shows and hands out, without the page."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.demo.limits import Limits, without_folder
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.options import NO_TRACK, Deliver
from lumaflux.render import Job, convert
from lumaflux.settings import Settings
from lumaflux.viewing.scope_plots import draw_tone_curve
from lumaflux.viewing.sheet import Sheet
from lumaflux.viewing.views import Pixels

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

_WIDTH = 1280  # of the pictures on the page
_PICTURE: dict[str, Deliver] = {"hdr.png": "png", "hdr.exr": "exr", "ultra-hdr.jpg": "ultra-hdr", "sdr.png": "sdr-png"}
_LEAST_OF_AVIF = 64  # pixels a side, of the encoder
_CLIP: dict[str, Deliver] = {"hdr10.mp4": "hdr10", "sdr-proxy.mp4": "sdr"}


class CanceledError(UserError):
    """The visitor asked for an end, or left."""

    def __init__(self) -> None:
        super().__init__("canceled; nothing is kept")


@dataclass(kw_only=True)
class Shown:
    """``before`` and ``after`` are of one size, for an SDR screen; ``hdr_picture`` is a gain-map JPEG; ``files`` are
    for download."""

    before: Pixels
    after: Pixels
    false_color: Pixels
    scopes: dict[str, Pixels]
    facts: list[tuple[str, str]]
    hdr_picture: Path
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def convert_upload(
    upload: Path,
    settings: Settings,
    converter: "Converter",
    folder: Path,
    limits: Limits,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    canceled: Event | None = None,
) -> Shown:
    """Writes into ``folder``, which is the visitor's own and emptied first.

    Raises UserError for what cannot be converted, CanceledError when ``canceled`` is set; nothing is left then.
    """
    info = limits.check(upload)
    kind = "picture" if info.kind == "still" else "clip"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    stem = upload.stem[:60] or "upload"

    def told(done: int, total: int | None) -> None:
        if canceled is not None and canceled.is_set():
            raise CanceledError
        progress(done, total)

    wanted: dict[str, Deliver] = _PICTURE if kind == "picture" else _CLIP
    if kind == "picture" and min(info.width, info.height) >= _LEAST_OF_AVIF:
        wanted = {**_PICTURE, "hdr.avif": "avif"}
    targets: dict[Path, Deliver] = {folder / f"{stem}-{name}": profile for name, profile in wanted.items()}
    first, *others = targets
    job = Job(
        deliver=targets[first],
        also=tuple(f"{targets[path]}={path}" for path in others),
        limit=limits.frames if kind == "clip" else None,
        encoder_preset="veryfast" if kind == "clip" else None,
        track=NO_TRACK if kind == "picture" else None,
    )
    try:
        told(0, None)
        (report,) = convert(upload, first, lambda: converter, settings, job, told)
        shown = _seen(upload, first, folder / f"{stem}-view.jpg", settings)
        told(1, 1)
    except BaseException as ending:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(ending, UserError) and not isinstance(ending, CanceledError):
            raise UserError(without_folder(str(ending), upload, first)) from None
        raise
    shown.files = [path for path in targets if path.exists()]
    shown.notes = [without_folder(note, upload, first) for note in report.notes]
    if kind == "clip" and report.frames == limits.frames:
        shown.notes.append(f"At most {report.frames} frames are converted; the command takes the whole clip.")
    if kind == "picture":
        shown.hdr_picture = next(path for path in shown.files if path.suffix == ".jpg")
    return shown


def _seen(upload: Path, written: Path, picture: Path, settings: Settings) -> Shown:
    """The first frame of both; of a clip's, a gain-map JPEG is made."""
    before, after = (Sheet.of(DisplayLight(path)) for path in (upload, written))
    hdr_picture = written
    if before.nits.shape != after.nits.shape:  # padded to the grain of a codec
        height, width = before.nits.shape[1:]
        after = Sheet(after.path, after.number, after.nits[:, :height, :width], after.peak)
    if written.suffix == ".mp4":
        hdr_picture = picture
        _write_gain_map(picture, after, settings.target_peak)
    return Shown(
        before=before.view(_WIDTH),
        after=after.view(_WIDTH),
        false_color=after.false_color(_WIDTH),
        scopes={**after.scopes, "tone curve": draw_tone_curve(before.nits, after.nits)},
        facts=after.rows(),
        hdr_picture=hdr_picture,
    )


def _write_gain_map(path: Path, sheet: Sheet, peak: float) -> None:
    from lumaflux.color import pq
    from lumaflux.media.gainmap.ultra_hdr import write_ultra_hdr

    base = sheet.view(sheet.nits.shape[2])
    sdr = np.ascontiguousarray(base.transpose(2, 0, 1), np.float32) / np.float32(255)
    hdr_pq = np.asarray(pq.inverse_eotf(sheet.nits), np.float32)
    write_ultra_hdr(path, sdr, hdr_pq, peak_nits=max(peak, 210.0), overwrite=True)
