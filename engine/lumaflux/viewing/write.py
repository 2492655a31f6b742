"""Views and comparisons as files: a page, a folder of pictures, a map of differences."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lumaflux.color.false_colour import DIFFERENCE_SCALE, difference_colour
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.display_light import DisplayLight
from lumaflux.viewing.comparison import Differences
from lumaflux.viewing.page import page
from lumaflux.viewing.sheet import Sheet
from lumaflux.viewing.shots import ShotView, shot_views
from lumaflux.viewing.views import Pixels, with_legend

_PAGES = (".html", ".htm")
_WIDTH = 1920  # of the pictures in a folder


def write_view(
    file: Path,
    other: Path | None,
    out: Path,
    *,
    frame: int | None = None,
    shots: bool = True,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> tuple[Path, list[tuple[str, str]]]:
    """A page or a folder; returns its path and what the first file's frame is, in words.

    Raises UserError for what cannot be read or written, before the shots of a clip are looked for.
    """
    sources = [DisplayLight(path) for path in (file, other) if path is not None]
    named = out.suffix.lower()
    if named and named not in _PAGES and not out.is_dir():
        raise UserError(f"{out}: a view is a page (.html) or a directory of pictures; name one of them")
    if named in _PAGES and out.exists() and not overwrite:
        raise UserError(f"{out} exists already; remove it, or allow overwriting (-y).")
    sheets = [Sheet.of(source, frame) for source in sources]
    found: list[ShotView] = []
    count = 0
    if shots and sources[0].kind != "picture":
        found, count = shot_views(sources[0], progress)
    if named in _PAGES:
        with AtomicFile(out, overwrite=overwrite, sources=(file,) if file.is_file() else ()) as target:
            target.partial.write_text(page(sheets, found, count - len(found)), "utf-8")
    else:
        _write_folder(out, sheets, found, overwrite)
    return out, sheets[0].rows()


def _write_folder(folder: Path, sheets: list[Sheet], shots: list[ShotView], overwrite: bool) -> None:
    pictures: dict[str, Pixels] = {}
    for sheet, before in zip(sheets, ("", "other-"), strict=False):
        pictures |= {f"{before}view.png": sheet.view(_WIDTH), f"{before}false-color.png": sheet.false_color(_WIDTH)}
        pictures |= {f"{before}{name}.png": pixels for name, pixels in sheet.scopes.items()}
    pictures |= {f"shot-{shot.light.first:06d}.png": shot.thumbnail for shot in shots}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror}); name a directory that you may write to") from None
    there = [name for name in pictures if (folder / name).exists()]
    if there and not overwrite:
        raise UserError(f"{folder / there[0]} exists already; remove it, or allow overwriting (-y).")
    for name, pixels in pictures.items():
        _write_png(folder / name, pixels, overwrite)


def _write_png(path: Path, pixels: Pixels, overwrite: bool) -> None:
    with AtomicFile(path, overwrite=overwrite) as file:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file.partial, "png", optimize=False)


def write_map(found: Differences, path: Path, *, overwrite: bool = False) -> None:
    """The Delta-E-ITP of the frame that differs most, in false color, as PNG."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: the map of the differences is a .png; name such a file")
    _write_png(path, with_legend(difference_colour(found.map), DIFFERENCE_SCALE, "dE-ITP"), overwrite)


def comparison_text(found: Differences, *, as_json: bool = False) -> str:
    """The figures in lines, or as JSON (``pq_psnr`` is null for equal pictures); notes go to standard error."""
    p95 = found.percentile(95)
    if as_json:
        figures = {
            "frames": found.frames,
            "delta_e_itp": {"mean": found.mean, "percentile_95": p95},
            "pq_psnr": None if math.isinf(found.psnr) else found.psnr,
            "worst": {"frame": found.worst, "delta_e_itp": found.worst_mean},
            "notes": found.notes,
        }
        return json.dumps(figures, indent=1)
    for note in found.notes:
        print(note, file=sys.stderr)
    psnr = "equal pictures" if math.isinf(found.psnr) else f"{found.psnr:.2f} dB"
    frames = f"{found.frames} frame{'' if found.frames == 1 else 's'}"
    lines = [
        f"{found.first} and {found.second}, {frames}",
        f"Delta-E-ITP: mean {found.mean:.3f}, 95 % of the pixels up to {p95:.2f}",
        f"PSNR of PQ: {psnr}",
    ]
    if found.frames > 1:
        lines.append(f"most different: frame {found.worst}, mean {found.worst_mean:.3f}")
    return "\n".join(lines)
