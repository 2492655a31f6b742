"""Frame sets as people and farms write them: ``1001-1020x2,1030``, ``1-9:2``, and back as the shortest such text."""

import re
from collections.abc import Iterable

from engine.errors import UserError

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:[x:](\d+))?)?")
_LARGEST = 10_000_000  # frames of one set: four days at 30 frames/s


def parse_frames(text: str) -> list[int]:
    """The frames of a set, each once, ascending. Raises UserError for what is none."""
    frames: set[int] = set()
    for part in text.replace(" ", "").split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise UserError(f"'{text}' is no set of frames; write it as 1001-1020x2,1030")
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if last < first or step < 1:
            raise UserError(f"'{part}' in the frames '{text}' runs backwards; write the smaller number first")
        if (last - first) // step + len(frames) >= _LARGEST:
            raise UserError(f"'{text}' is more than {_LARGEST} frames; hand over a part")
        frames.update(range(first, last + 1, step))
    return sorted(frames)


def frames_text(frames: Iterable[int]) -> str:
    """Runs of consecutive frames as ``first-last``, joined by commas; empty for none."""
    parts: list[str] = []
    run: list[int] = []
    for frame in [*sorted(set(frames)), None]:
        if run and (frame is None or frame != run[-1] + 1):
            parts.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}")
            run = []
        if frame is not None:
            run = [run[0], frame] if run else [frame]
    return ",".join(parts)


def in_chunks(frames: list[int], size: int) -> list[list[int]]:
    """The frames in their order, ``size`` at a time."""
    return [frames[start : start + size] for start in range(0, len(frames), size)]
