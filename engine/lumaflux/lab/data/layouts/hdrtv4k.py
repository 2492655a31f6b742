"""HDRTV4K (Guo et al., CVPR 2023): 3848 training frames and 400 test frames, each HDR frame with several SDR versions.

The archives come one by one and no layout is published, so the rules are tolerant: below a folder of training or test
frames, the folder with "hdr", "gt" or "label" in its name holds the HDR frames, and every other folder of pictures one
SDR version, named by its degradation model; frames pair by stem.
"""

import re
from pathlib import Path

from lumaflux.lab.data.layouts.records import PICTURE_SUFFIXES, Pair, files_in, paired_by_stem, refuse
from lumaflux.lab.data.scenes import Split

LICENCE = "academic use (HDRTV4K; the films' own rights)"
_EXPECTED = "one folder of HDR frames (hdr, gt or label in its name) beside folders of SDR frames, for train and test"
_HDR = re.compile(r"(^|[^a-z])(hdr|gt|label)([^a-z]|$)", re.IGNORECASE)
_SPLIT = re.compile(r"train|test", re.IGNORECASE)
_RENDERINGS = (  # the README's degradation models, by what their folders may be called
    ("aces-ocio2", re.compile(r"ocio", re.IGNORECASE)),
    ("bt2446c-gm", re.compile(r"2446_?c", re.IGNORECASE)),
    ("bt2446a", re.compile(r"2446_?a", re.IGNORECASE)),
    ("hard-clip-gm", re.compile(r"(^|[^a-z])hc", re.IGNORECASE)),
    ("reinhard", re.compile(r"reinhard", re.IGNORECASE)),
    ("youtube", re.compile(r"youtube", re.IGNORECASE)),
    ("davinci", re.compile(r"davinci", re.IGNORECASE)),
)


def _rendering(folder: str) -> str:
    named = next((name for name, pattern in _RENDERINGS if pattern.search(folder)), None)
    return named or re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")


def _split(path: Path, root: Path) -> Split:
    """By the innermost name that says one; training frames where none does."""
    for part in (*reversed(path.relative_to(root).parts), root.name):
        if said := _SPLIT.search(part):
            return "test" if said[0].lower() == "test" else "train"
    return "train"


def pairs(root: Path) -> list[Pair]:
    """Every HDR frame with each of its SDR versions; a frame counts as a scene of its own.

    Raises UserError for another layout and for pictures without a partner.
    """
    folders = [path for path in sorted((root, *root.rglob("*"))) if path.is_dir() and files_in(path, PICTURE_SUFFIXES)]
    found = []
    for split in ("train", "test"):
        mine = [folder for folder in folders if _split(folder, root) == split]
        hdr = [folder for folder in mine if _HDR.search(folder.name)]
        if len(mine) < 2:
            continue
        if len(hdr) != 1:
            raise refuse(root, "HDRTV4K", _EXPECTED)
        for sdr in mine:
            if sdr == hdr[0]:
                continue
            for left, right in paired_by_stem(sdr, hdr[0], "HDRTV4K"):
                found.append(
                    Pair(
                        name=f"hdrtv4k/{split}-{left.stem}",
                        sdr=left,
                        hdr=right,
                        medium="picture",
                        scene=f"hdrtv4k-{split}-{left.stem}",
                        split=split,
                        content="pgc",
                        rendering=_rendering(sdr.name),
                        crf=None,
                        licence=LICENCE,
                    )
                )
    if not found:
        raise refuse(root, "HDRTV4K", _EXPECTED)
    return found
