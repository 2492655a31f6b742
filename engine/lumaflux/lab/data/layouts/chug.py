"""CHUG (Saini et al., ICIP 2025): user-generated HDR video; every source also as a ladder of bit rates.

Layout: one folder of VIDEO.mp4, VIDEO being the hash in the published table chug.csv (columns Video, ref and
content_name), which lies in the folder or above it. Only sources (ref = 1) are HDR references. content_name less its
last two numbers (the cut, in seconds) is the recording, which is the scene. Without the table nobody knows a source
from a transcode.
"""

import csv
import re
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.lab.data.layouts.records import VIDEO_SUFFIXES, HdrVideo, files_in, refuse
from lumaflux.lab.data.scenes import split_scenes

LICENCE = "CC BY-NC 4.0 (CHUG)"
TABLE = "chug.csv"
_CUT = re.compile(r"_\d+_\d+$")
_EXPECTED = f"VIDEO.mp4 files (also nested) and the table {TABLE} with the columns Video, ref and content_name"


def videos(root: Path) -> list[HdrVideo]:
    """The source videos that are there. Raises UserError for another layout, and when none of the sources is there."""
    table = next((path for path in (root / TABLE, root.parent / TABLE) if path.is_file()), None)
    if table is None:
        raise refuse(root, "CHUG", _EXPECTED)
    files = {path.stem: path for path in files_in(root, VIDEO_SUFFIXES, deep=True)}
    with table.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        if not {"Video", "ref", "content_name"} <= set(rows.fieldnames or ()):
            raise UserError(f"{table} has no columns Video, ref and content_name; take CHUG's own {TABLE}.")
        scenes = {row["Video"]: _scene(row["content_name"]) for row in rows if row["ref"] in ("1", "1.0")}
    if not scenes.keys() & files.keys():
        raise refuse(root, "CHUG", _EXPECTED)
    splits = split_scenes("chug", scenes.values())
    found = [
        HdrVideo(
            name=f"chug/{video}",
            path=files[video],
            scene=scene,
            split=splits[scene],
            content="ugc",
            licence=LICENCE,
        )
        for video, scene in scenes.items()
        if video in files
    ]
    return sorted(found, key=lambda video: video.name)


def _scene(content_name: str) -> str:
    return f"chug-{_CUT.sub('', Path(content_name).stem)}"
