"""How well letters and sheets are found: graphics drawn over pictures, and pictures as they are.

``python -m lumaflux.lab.bench.graphics PICTURE... [--fonts FOLDER] [--as-is PICTURE...]``. Recall: share of the ink, or
paper, that is found. Precision: of the pixels found, those that are graphics; four pixels around ink count for neither.
Letters less than 56 codes lighter than what is under them are not asked for.
"""

import argparse
import io
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from lumaflux.arguments import file_there, folder_there, whole
from lumaflux.color.clipping import CLIPPED_CODE
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.inference.graphics import find_graphics
from lumaflux.lab.data.drawn_graphics import KINDS, SHEETS, DrawnGraphics, draw_graphics

_LINES, _LEAST_LINES = (480, 720, 1080), 360
_QUALITIES = (None, 90, 75)  # of JPEG; None: without loss
_ON_PICTURE = ("subtitle", "shadowed", "logo")  # nothing dark lies under these letters
_LEAST_CONTRAST = 56  # codes of luma
_SHOWS = 1e-4  # of the pixels: a picture that shows any


@dataclass(frozen=True, kw_only=True)
class Found:
    """``recall`` of a picture's graphics; pixels found on graphics, ``right``, and elsewhere, ``wrong``."""

    recall: float
    right: int
    wrong: int


def score(drawn: DrawnGraphics, quality: int | None = None) -> Found:
    """What is found of drawn graphics, after JPEG of a quality."""
    found = _found(drawn.picture if quality is None else _jpeg(drawn.picture, quality)) > 0.5
    near = Image.fromarray((drawn.mask * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(9))
    beside = np.asarray(near) == 0
    if drawn.kind in SHEETS:  # letters and margins belong to the sheet
        rows, columns = np.nonzero(drawn.mask)
        beside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = False
    return Found(
        recall=float(found[drawn.mask].mean()),
        right=int((found & drawn.mask).sum()),
        wrong=int((found & beside).sum()),
    )


def scores(pictures: Sequence[Path], fonts: Sequence[Path], count: int, seed: int = 7) -> Mapping[str, list[Found]]:
    """What is found by kind, by quality and in all, of ``count`` graphics, every kind in turn."""
    results: dict[str, list[Found]] = defaultdict(list)
    for drawn, quality in _drawn(pictures, fonts, count, seed):
        found = score(drawn, quality)
        for key in (drawn.kind, "without loss" if quality is None else f"JPEG {quality}", "all"):
            results[key].append(found)
    return results


def _drawn(
    pictures: Sequence[Path], fonts: Sequence[Path], count: int, seed: int
) -> Iterator[tuple[DrawnGraphics, int | None]]:
    rng = random.Random(seed)
    for index in range(count):
        lines = rng.choice(_LINES)
        picture = _picture(rng.choice(pictures), lines)
        if picture.height < _LEAST_LINES:
            continue
        drawn = draw_graphics(picture, KINDS[index % len(KINDS)], fonts, 1000 + index)
        quality = rng.choice(_QUALITIES)
        if drawn.mask.any() and not (drawn.kind in _ON_PICTURE and _contrast(picture, drawn) < _LEAST_CONTRAST):
            yield drawn, quality


def as_is(pictures: Sequence[Path]) -> tuple[float, float, list[tuple[float, str]]]:
    """Of pictures without drawn graphics: share of those that show any, share of all clipped pixels that is taken for
    graphics, and share of pixels with name, most first."""
    shares, clipped_pixels, taken = [], 0, 0
    for path in pictures:
        picture = _picture(path, _LINES[-1])
        found = _found(picture) > 0.3
        clipped = np.asarray(picture).max(axis=2) >= 255 * CLIPPED_CODE
        clipped_pixels, taken = clipped_pixels + int(clipped.sum()), taken + int((clipped & found).sum())
        shares.append((float(found.mean()), path.name))
    any_shown = float(np.mean([share > _SHOWS for share, _ in shares]))
    return any_shown, taken / max(1, clipped_pixels), sorted(shares, reverse=True)


def table(results: Mapping[str, list[Found]]) -> str:
    """Markdown: graphics, recall, pictures with a recall of 0.8 or more, and precision, a row a kind."""
    lines = ["| graphics | pictures | recall | 0.8 or more | precision |", "|---" * 5 + "|"]
    for key in ("all", *sorted(set(results) - {"all"})):
        found = results[key]
        right, wrong = sum(one.right for one in found), sum(one.wrong for one in found)
        recalls = np.array([one.recall for one in found])
        lines.append(
            f"| {key} | {len(found)} | {recalls.mean():.2f} | {(recalls >= 0.8).mean():.0%} | "
            f"{right / max(1, right + wrong):.2f} |"
        )
    return "\n".join(lines)


def _found(picture: Image.Image) -> np.ndarray:
    sdr = torch.from_numpy(np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1) / np.float32(255)))
    graphics = find_graphics(sdr)
    return np.zeros(sdr.shape[1:]) if graphics is None else graphics.map(*sdr.shape[1:])[0].numpy()


def _contrast(picture: Image.Image, drawn: DrawnGraphics) -> float:
    before, after = (np.asarray(one.convert("L")).astype(int)[drawn.mask] for one in (picture, drawn.picture))
    return float(np.median(after - before))


def _picture(path: Path, lines: int) -> Image.Image:
    """RGB of at most so many lines."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except OSError as error:
        raise UserError(f"{path}: not a picture that can be read ({error}); name JPEG or PNG files") from error
    scale = lines / picture.height
    return picture.resize((round(picture.width * scale), lines), Image.Resampling.LANCZOS) if scale < 1 else picture


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    carried = io.BytesIO()
    picture.save(carried, "jpeg", quality=quality, subsampling=2)
    with Image.open(carried) as decoded:
        return decoded.convert("RGB")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.graphics", description=__doc__)
    parser.add_argument("pictures", type=file_there, nargs="*", help="pictures that graphics are drawn over")
    parser.add_argument("--fonts", type=folder_there, default=Path("/usr/share/fonts/truetype"), help="TrueType files")
    parser.add_argument("--count", type=whole(), default=264, help="graphics to draw, every kind in turn")
    parser.add_argument("--as-is", type=file_there, nargs="*", default=[], help="pictures searched as they are")
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        if options.pictures:
            fonts = sorted(options.fonts.rglob("*.ttf"))
            if not fonts:
                raise UserError(f"{options.fonts} holds no TrueType file (.ttf); name a folder that does with --fonts")
            print(table(scores(options.pictures, fonts, options.count)))
        if options.as_is:
            shown, taken, most = as_is(options.as_is)
            print(f"\n{len(options.as_is)} pictures as they are: {shown:.1%} show any; {taken:.2%} of clipped pixels.")
            print("\n".join(f"{name}: {share:.1%}" for share, name in most[:8] if share > _SHOWS))


if __name__ == "__main__":
    main()
