"""What takes finished HDR frames: a video file, or a numbered sequence of pictures."""

from types import TracebackType
from typing import Protocol, Self, TypedDict, Unpack

import numpy as np

from lumaflux.media.metadata.light_levels import check_frame
from lumaflux.media.metadata.shot_levels import ShotLevels


class Channels(TypedDict, total=False):
    """What a picture may have besides its colors: ``alpha`` [H,W] in [0,1], the ``shares`` [3,H,W] of a matte, the
    ``sdr`` [3,H,W] in [0,1] that it was made of."""

    alpha: np.ndarray | None
    shares: np.ndarray | None
    sdr: np.ndarray | None


class Sink(Protocol):
    """A context manager: entering opens the target, leaving well finishes it, leaving by an error leaves nothing.

    ``levels`` is the light measured on the codes as written; ``notes`` are sentences on what the target cannot hold.
    """

    levels: ShotLevels
    notes: list[str]

    def write(self, hdr_pq: np.ndarray, pts: int, duration: int | None = None, **channels: Unpack[Channels]) -> None:
        """Add PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1], with its ``channels`` where the target has room for them.

        ``pts`` and ``duration`` are in the target's time base; for a sequence ``pts`` is the frame's number.
        Raises UserError when the target cannot be written on.
        """
        ...

    def finish_early(self) -> str:
        """Close the target as it is, whole and under a name that says so; returns what was kept, in words."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def check_picture(hdr_pq: np.ndarray, size: tuple[int, int]) -> None:
    """Raises ValueError for another shape than that of ``size`` (width, height), or values that are not finite."""
    width, height = size
    if hdr_pq.shape != (3, height, width):
        raise ValueError(f"A frame of this file has the shape [3, {height}, {width}], not {hdr_pq.shape}.")
    check_frame(hdr_pq)
