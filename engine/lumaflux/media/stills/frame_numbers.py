"""Frame numbers as people and farms write them: ``1001-1020x2,1030``, and Open Job Description's ``1-9:2``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    import fileseq

_LARGEST = 10_000_000  # frames of a farm's job: four days at 30 frames/s


def parse_frames(text: str) -> "fileseq.FrameSet":
    """The set of frames that ``text`` names, in its order; ``x`` and ``:`` both come before a step.

    Raises UserError for anything else, and for more frames than fileseq counts.
    """
    import fileseq

    wrong = UserError(f"'{text}' names no frames; write them as 1001-1020, 1-99x2 or 1001-1020:2,1030")
    if not text.strip():
        raise wrong
    try:
        return fileseq.FrameSet(text.replace(" ", "").replace(":", "x"))
    except (fileseq.FileSeqException, ValueError, TypeError) as error:
        raise wrong from error


def frame_list(text: str) -> list[int]:
    """The same as farms need it: each frame once, ascending. Raises UserError for what is no such set."""
    found = parse_frames(text)
    if len(found) > _LARGEST:
        raise UserError(f"'{text}' is more than {_LARGEST} frames; hand over a part")
    if any(number != int(number) for number in found):
        raise UserError(f"'{text}' names parts of frames; give whole numbers")
    return sorted(int(number) for number in found)


def frames_text(numbers: Iterable[int]) -> str:
    """``1-3,7`` of 1, 2, 3, 7, the shortest such text; empty for none."""
    import fileseq

    return fileseq.framesToFrameRange(sorted(set(numbers)))


def in_chunks(frames: list[int], size: int) -> list[list[int]]:
    """The frames in their order, ``size`` at a time."""
    return [frames[start : start + size] for start in range(0, len(frames), size)]
