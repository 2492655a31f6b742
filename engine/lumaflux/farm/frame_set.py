"""Frame sets as farms need them: each frame once, ascending, in chunks."""

from collections.abc import Iterable

from lumaflux.errors import UserError
from lumaflux.media.stills import frame_numbers

_LARGEST = 10_000_000  # frames of one set: four days at 30 frames/s


def parse_frames(text: str) -> list[int]:
    """The frames of a set such as ``1001-1020x2,1030``, ascending. Raises UserError for what is none."""
    found = frame_numbers.parse_frames(text)
    if len(found) > _LARGEST:
        raise UserError(f"'{text}' is more than {_LARGEST} frames; hand over a part")
    if any(number != int(number) for number in found):
        raise UserError(f"'{text}' names parts of frames; give whole numbers")
    return sorted(int(number) for number in found)


def frames_text(frames: Iterable[int]) -> str:
    """The shortest such text; empty for none."""
    return frame_numbers.frames_text(set(frames))


def in_chunks(frames: list[int], size: int) -> list[list[int]]:
    """The frames in their order, ``size`` at a time."""
    return [frames[start : start + size] for start in range(0, len(frames), size)]
