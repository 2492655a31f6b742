"""What takes finished HDR frames: a video file, or a numbered sequence of pictures."""

from types import TracebackType
from typing import Protocol, Self

import numpy as np

from lumaflux.media.metadata.shot_levels import ShotLevels


class Sink(Protocol):
    """A context manager: entering opens the target, leaving well finishes it, leaving by an error leaves nothing.

    ``levels`` is the light measured on the codes as written; ``notes`` are sentences on what the target cannot hold.
    """

    levels: ShotLevels
    notes: list[str]

    def write(
        self,
        hdr_pq: np.ndarray,
        pts: int,
        duration: int | None = None,
        *,
        alpha: np.ndarray | None = None,
        shares: np.ndarray | None = None,
    ) -> None:
        """Add PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1], with its alpha [H,W] in [0,1] if it has one, and with the
        ``shares`` [3,H,W] of a matte where the target has channels for them.

        ``pts`` and ``duration`` are in the target's time base; for a sequence ``pts`` is the frame's number.
        Raises UserError when the target cannot be written on.
        """
        ...

    def finish_early(self) -> str:
        """Close the target as it is, whole and under a name that says so; returns what was kept, in words."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
