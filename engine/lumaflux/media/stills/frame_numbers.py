"""Frame numbers as people and farms write them: ``1001-1020x2,1030``, and Open Job Description's ``1-9:2``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    import fileseq


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


def frames_text(numbers: Iterable[int]) -> str:
    """``1-3,7`` of 1, 2, 3, 7."""
    import fileseq

    return fileseq.framesToFrameRange(sorted(numbers))
