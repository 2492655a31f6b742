"""A numbered sequence of HDR pictures out: each file whole or absent, those that exist told from those to make."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.metadata.shot_levels import ShotLevels
from lumaflux.media.sink import Channels
from lumaflux.media.stills.picture_writer import PictureFormat, PictureOptions, write_picture
from lumaflux.media.stills.sequence_path import SequencePath


class SequenceWriter:
    """A :class:`lumaflux.media.sink.Sink`; ``pts`` is the frame's number. Finished files stay, whatever comes after;
    directories that were made for them go again where none was finished.

    Raises UserError for a directory that cannot be made or written.
    """

    def __init__(self, path: SequencePath, kind: PictureFormat, options: PictureOptions, size: tuple[int, int]):
        self.levels = ShotLevels()
        self.notes: list[str] = []
        self.path, self.size = path, size
        self._kind, self._options = kind, options
        self._made: list[Path] = []  # directories, the innermost first

    def __enter__(self) -> Self:
        folder = self.path.pattern.parent
        try:
            self._made = [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"the directory {folder} cannot be made: {error.strerror}; choose another") from None
        if not os.access(folder, os.W_OK):
            raise UserError(f"{folder} cannot be written; choose a directory you may write to")
        return self

    def write(self, hdr_pq: np.ndarray, pts: int, duration: int | None = None, **channels: Unpack[Channels]) -> None:
        alpha, shares = channels.get("alpha"), channels.get("shares")
        file = self.path.file(pts)
        levels = write_picture(file, hdr_pq, self._kind, self._options, alpha=alpha, shares=shares)
        self.levels.add_frame(levels, hdr_pq)

    def holds(self, number: int) -> bool:
        """Whether the frame is there, can be read whole and has the right size."""
        file = self.path.file(number)
        return file.is_file() and _size_of(file) == self.size

    def finish_early(self) -> str:
        return f"the {self.levels.frames} frames that were finished are kept; run the command again to go on"

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # of one that is not empty
            for folder in self._made:
                folder.rmdir()


def _size_of(file: Path) -> tuple[int, int] | None:
    """Width and height of a picture whose every pixel can be read."""
    import OpenImageIO as oiio

    picture = oiio.ImageBuf(os.fspath(file))
    if not picture.read(0, 0, True, oiio.UNKNOWN) or picture.has_error:
        return None
    return picture.spec().width, picture.spec().height
