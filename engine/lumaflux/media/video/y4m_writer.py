"""YUV4MPEG2 out: uncompressed 10-bit 4:2:0 frames for another program, into a file or, as they come, into a pipe."""

import contextlib
import sys
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import numpy as np

from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile, cannot_write
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.shot_levels import ShotLevels
from lumaflux.media.sink import Channels, check_picture
from lumaflux.media.standard_streams import OUTPUT, STANDARD, piped, refuse_terminal
from lumaflux.media.video.ycbcr_planes import signal_of

_UNTAGGED = (
    "y4m holds no color tags: these frames are BT.2020, PQ, 10 bit, limited range, chroma top-left; tell the program "
    "that reads them."
)


class Y4mWriter:
    """A :class:`lumaflux.media.sink.Sink` that writes frames of ``size`` (width, height) at ``frame_rate`` to ``path``.

    ``-`` is standard output, which gets every frame at once. Raises UserError for a target that cannot be written,
    before any frame is taken, and ReaderLeftError when the reader of standard output leaves.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        frame_rate: Fraction,
        *,
        sample_aspect_ratio: Fraction = Fraction(1),
        source: Path | None = None,
        overwrite: bool = False,
    ):
        self.levels = ShotLevels()
        self.notes = [_UNTAGGED]
        self.size = size
        self._rate, self._aspect = frame_rate, sample_aspect_ratio
        sources = () if source is None else (source,)
        self._file = (
            None if path == STANDARD else AtomicFile(path, overwrite=overwrite, sources=sources, exclusive=True)
        )
        self._where = OUTPUT if self._file is None else self._file.target
        self._output: Any = None
        self._finished = False

    def __enter__(self) -> Self:
        if self._file is None:
            refuse_terminal()
            self._output = sys.stdout.buffer
        else:
            self._file.create()
            self._output = self._file.partial.open("wb")
        return self

    def write(self, hdr_pq: np.ndarray, pts: int, duration: int | None = None, **channels: Unpack[Channels]) -> None:
        """Add one frame: PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1]; times do not count, for y4m has none.

        Raises ValueError for another shape or values that are not finite, UserError where it cannot be written.
        """
        check_picture(hdr_pq, self.size)
        planes = yuv420p10(hdr_pq)
        shown, light = signal_of(planes), LightLevels()
        light.add_pq(shown)
        count = self.levels.frames
        try:
            with piped(f" after {count} {'frame' if count == 1 else 'frames'}"):
                self._output.write(b"".join((b"" if count else self._header(), b"FRAME\n", *map(_bytes, planes))))
                self._output.flush()
        except OSError as error:
            raise cannot_write(self._where, error) from error
        self.levels.add_frame(light, shown)

    def _header(self) -> bytes:
        """As mjpegtools and libavformat have it; libavformat's own muxer loses the pixels' aspect."""
        width, height = self.size
        rate, aspect = (f"{each.numerator}:{each.denominator}" for each in (self._rate, self._aspect))
        what = "C420p10 XYSCSS=420P10 XCOLORRANGE=LIMITED"
        return f"YUV4MPEG2 W{width} H{height} F{rate} Ip A{aspect} {what}\n".encode()

    def _finish(self, name: Path | None = None) -> None:
        if not self.levels.frames:
            raise UserError(f"No frame came for {self._where}; nothing is written.")
        if self._file is not None:
            self._output.close()
            self._file.commit(name)
        self._finished = True

    def finish_early(self) -> str:
        """The frames so far become ``NAME.partial.y4m``, or are in the pipe already; says so."""
        if not self.levels.frames:
            return "no frame was finished"
        kept = None if self._file is None else self._file.early_name()
        self._finish(kept)
        return f"the {self.levels.frames} frames that were finished are in {kept or OUTPUT}"

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None and not self._finished:
                self._finish()
        finally:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._output.close()
                self._file.discard()


def _bytes(codes: np.ndarray) -> bytes:
    return codes.astype("<u2").tobytes()
