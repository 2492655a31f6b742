"""What a collection's reader yields: HDR videos to render, and SDR-HDR pairs that come as they are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split

Content = Literal["pgc", "ugc"]  # professionally generated, user-generated

PICTURE_SUFFIXES = frozenset({".png", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".m4v", ".ts", ".mxf"})


@dataclass(frozen=True, kw_only=True)
class HdrVideo:
    """``name``: collection/stem. Tagged PQ or HLG, at least 10 bits: checked when it is read."""

    name: str
    path: Path
    scene: str
    split: Split
    content: Content
    licence: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An SDR and an HDR picture or video of the same frames. ``rendering``: native, expert, or the operator's name.

    ``crf`` is the encode's where the collection says so. HDR pictures are 16-bit PQ/BT.2020, tagged or not.
    """

    name: str
    sdr: Path
    hdr: Path
    medium: Literal["picture", "video"]
    scene: str
    split: Split
    content: Content
    rendering: str
    crf: int | None
    licence: str


def folder_of(root: Path, patterns: Iterable[str]) -> Path | None:
    """The first folder below ``root`` that one of the glob ``patterns`` finds, case ignored; earlier patterns first."""
    folders = sorted(path for path in (root, *root.rglob("*")) if path.is_dir())
    for pattern in patterns:
        expression = re.compile(pattern, re.IGNORECASE)
        for folder in folders:
            if expression.fullmatch(folder.relative_to(root).as_posix()):
                return folder
    return None


def files_in(folder: Path, suffixes: frozenset[str], *, deep: bool = False) -> list[Path]:
    """Visible files with these suffixes, case ignored, in order of name."""
    found = folder.rglob("*") if deep else folder.iterdir()
    visible = (path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(path for path in visible if path.suffix.lower() in suffixes and path.is_file())


def refuse(root: Path, collection: str, expected: str) -> UserError:
    """The error for a folder that is laid out otherwise."""
    where = "does not exist" if not root.is_dir() else f"is not laid out as {collection}"
    return UserError(f"{root} {where}; expected {expected} (docs/sets.md).")


def paired_by_stem(sdr: Path, hdr: Path, collection: str) -> list[tuple[Path, Path]]:
    """(SDR, HDR) pictures of two folders. Raises UserError naming pictures that have no partner."""
    left = {path.stem: path for path in files_in(sdr, PICTURE_SUFFIXES)}
    right = {path.stem: path for path in files_in(hdr, PICTURE_SUFFIXES)}
    if lonely := sorted(left.keys() ^ right.keys()):
        shown = ", ".join(lonely[:5]) + (" and more" if len(lonely) > 5 else "")
        raise UserError(f"{collection}: {len(lonely)} pictures of {sdr} and {hdr} have no partner: {shown}")
    return [(left[stem], right[stem]) for stem in sorted(left)]
