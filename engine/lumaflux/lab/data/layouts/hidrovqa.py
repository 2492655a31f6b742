"""HIDRO-VQA's source videos (Saini, Saha and Bovik, WACV 2024): professional HDR video, fetched by published video IDs.

Layout: one folder of videos, nested or not; the clips that its tools cut may lie beside them. A file's scene is its
name without the numbers of a cut (VIDEO_clip_3, VIDEO_003, VIDEO_10_20), so that all cuts of a video stay together.
"""

import re
from pathlib import Path

from lumaflux.lab.data.layouts.records import VIDEO_SUFFIXES, HdrVideo, files_in, refuse
from lumaflux.lab.data.scenes import split_scenes

LICENCE = "HIDRO-VQA terms (research; the videos' own rights)"
_CUT = re.compile(r"([_-](clip|shot|scene|seg|part)?[_-]?\d{1,6}){1,2}$", re.IGNORECASE)


def videos(root: Path) -> list[HdrVideo]:
    """Every video below ``root``; its split counts on the whole collection being there.

    Raises UserError when there is none.
    """
    paths = files_in(root, VIDEO_SUFFIXES, deep=True) if root.is_dir() else []
    if not paths:
        raise refuse(root, "HIDRO-VQA", "a folder of HDR videos, one file a video or clip")
    scenes = {path: f"hidrovqa-{_CUT.sub('', path.stem) or path.stem}" for path in paths}
    splits = split_scenes("hidrovqa", scenes.values())
    return [
        HdrVideo(
            name=f"hidrovqa/{path.relative_to(root).with_suffix('').as_posix()}",
            path=path,
            scene=scenes[path],
            split=splits[scenes[path]],
            content="pgc",
            licence=LICENCE,
        )
        for path in paths
    ]
