"""LIVE-TMHDR (Venkataramanan and Bovik, 2024): 40 HDR videos, PQ and HLG, each graded to SDR by a colourist.

Layout: {PQ,HLG}/Ref/CONTENT.mp4, and the grades as x264 encodes in {PQ,HLG}/CRF{23,31,39}/ExpertTM/CONTENT.mp4.
"""

import re
from pathlib import Path

from lumaflux.lab.data.layouts.records import VIDEO_SUFFIXES, HdrVideo, Pair, files_in, folder_of, refuse
from lumaflux.lab.data.scenes import split_scenes

LICENCE = "LIVE-TMHDR terms (research)"
_ENCODINGS = ("PQ", "HLG")
_EXPECTED = "PQ/Ref/*.mp4 and HLG/Ref/*.mp4, with the grades in PQ/CRF23/ExpertTM/*.mp4 and so on"


def videos(root: Path) -> list[HdrVideo]:
    """The HDR videos. Raises UserError for another layout."""
    folders = [folder_of(root, [rf"(.*/)?{encoding}/Ref"]) for encoding in _ENCODINGS]
    paths = [path for folder in folders if folder is not None for path in files_in(folder, VIDEO_SUFFIXES)]
    if not paths:
        raise refuse(root, "LIVE-TMHDR", _EXPECTED)
    splits = split_scenes("live-tmhdr", (f"live-tmhdr-{path.stem}" for path in paths))
    return [
        HdrVideo(
            name=f"live-tmhdr/{path.stem}",
            path=path,
            scene=f"live-tmhdr-{path.stem}",
            split=splits[f"live-tmhdr-{path.stem}"],
            content="pgc",
            licence=LICENCE,
        )
        for path in sorted(paths, key=lambda path: path.stem)
    ]


def pairs(root: Path) -> list[Pair]:
    """Every colourist's grade with its HDR video, at every CRF that is there.

    Raises UserError for another layout, and when no grade is there.
    """
    found = []
    for video in videos(root):
        encoding = video.path.parents[1]
        for folder in sorted(encoding.iterdir()):
            crf = re.fullmatch(r"CRF(\d+)", folder.name, re.IGNORECASE)
            grades = folder_of(folder, ["ExpertTM"]) if crf and folder.is_dir() else None
            if crf is None or grades is None:
                continue
            for path in files_in(grades, VIDEO_SUFFIXES):
                if path.stem == video.path.stem:
                    found.append(
                        Pair(
                            name=video.name,
                            sdr=path,
                            hdr=video.path,
                            medium="video",
                            scene=video.scene,
                            split=video.split,
                            content=video.content,
                            rendering="expert",
                            crf=int(crf[1]),
                            licence=LICENCE,
                        )
                    )
    if not found:
        raise refuse(root, "LIVE-TMHDR", _EXPECTED)
    return found
