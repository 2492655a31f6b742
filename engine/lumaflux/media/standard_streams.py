"""``-`` for a file: standard input, stored whole for the passes over it, and standard output.

A conversion reads its source several times (its description, its tones, its pictures) and writes the measured light
into the header of what it has written; a pipe can be read and written once. So both lie in the directory for temporary
files meanwhile. Raw frames get a container that says what they are.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from lumaflux.errors import ReaderLeftError, UserError
from lumaflux.media.atomic_file import cannot_write

if TYPE_CHECKING:
    from lumaflux.options import RawFrameOptions

STANDARD = Path("-")
INPUT, OUTPUT = "standard input", "standard output"  # what messages call them

_EMPTY = "standard input is empty; the program that writes into it has perhaps failed"


@contextmanager
def stored_input(raw: "RawFrameOptions", rate: Fraction) -> Iterator[Path]:
    """What standard input holds, as a file that goes with the block. ``raw``: how frames without a header lie in it,
    ``rate`` frames a second.

    Raises UserError where nothing comes, or no whole frames. Errors of the block name standard input, not the file.
    """
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise UserError("nothing is piped into standard input; pipe a video or a picture into it, or name a file")
    with TemporaryDirectory(prefix="lumaflux-pipe-") as folder:
        path = Path(folder, "standard-input")
        try:
            with path.open("w+b") as file:
                if raw.frame is None:
                    shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
                else:
                    _wrap_frames(sys.stdin.buffer, file, *raw.frame, rate)
        except OSError as error:
            raise cannot_write(f"a copy of standard input in {folder}", error) from error
        if not path.stat().st_size:
            raise UserError(_EMPTY)
        try:
            yield path
        except Exception as error:
            error.args = tuple(_renamed(part, path) for part in error.args)
            for report in getattr(error, "reports", []):
                rename_input(report, path)
            raise


def rename_input(report: Any, path: Path) -> None:
    """Calls the stored file, ``path``, standard input in a :class:`lumaflux.render.Report`."""
    report.source = STANDARD if report.source == path else report.source
    report.notes = [_renamed(note, path) for note in report.notes]


def _renamed(text: Any, path: Path) -> Any:
    return text.replace(os.fspath(path), INPUT) if isinstance(text, str) else text


def _wrap_frames(source: BinaryIO, target: BinaryIO, size: tuple[int, int], pixel_format: str, rate: Fraction) -> None:
    """Packs frames of ``size`` (width, height), planes after each other without gaps, into a NUT file."""
    import av
    from av.error import FFmpegError

    width, height = size
    options = {"video_size": f"{width}x{height}", "pixel_format": pixel_format, "framerate": str(rate)}
    try:
        if av.VideoFormat(pixel_format).has_palette:
            raise UserError(f"raw frames of {pixel_format} are not read, for they lack their palette; give rgb24")
        raw: Any = av.open(source, format="rawvideo", options=options)
    except (FFmpegError, ValueError) as error:
        raise UserError(
            f"raw frames of {width}x{height} {pixel_format} cannot be read; name the pixel format as ffmpeg calls it, "
            "such as yuv420p, yuv422p10le or rgb24"
        ) from error
    count = 0
    with raw, av.open(target, "w", format="nut") as container:
        stream: Any = container.add_stream("rawvideo", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = stream.codec_context.time_base = 1 / rate
        container.start_encoding()
        for number, packet in enumerate(raw.demux(video=0)):
            if packet.size == 0:  # the end
                break
            if packet.is_corrupt:
                raise UserError(
                    f"standard input ends within frame {number} of {width}x{height} {pixel_format}, counted from 0; "
                    "name the size and the pixel format that it has"
                )
            packet.stream = stream
            container.mux(packet)
            count += 1
    if not count:
        raise UserError(_EMPTY)
    target.seek(0)
    with av.open(target, "r", format="nut") as stored:
        if stored.streams.video[0].codec_context.pix_fmt != pixel_format:  # NUT has no tag for some
            raise UserError(f"raw frames of {pixel_format} are not read; convert them, to yuv444p16le or rgb48le say")


class StandardOutput:
    """Takes the place of an :class:`lumaflux.media.atomic_file.AtomicFile`: what was written whole goes into the pipe.

    ``written`` says so. Raises UserError where standard output is a terminal, ReaderLeftError where nobody reads it.
    """

    def __init__(self) -> None:
        self.target = Path(OUTPUT)
        self._folder: TemporaryDirectory | None = None
        self.partial = self.target

    def create(self) -> None:
        refuse_terminal()
        self._folder = TemporaryDirectory(prefix="lumaflux-pipe-")
        self.partial = Path(self._folder.name, "standard-output")

    def early_name(self) -> Path:
        return self.target

    def commit(self, name: Path | None = None) -> None:
        with piped(), self.partial.open("rb") as whole:
            shutil.copyfileobj(whole, sys.stdout.buffer, 1 << 20)
            sys.stdout.buffer.flush()

    def discard(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def refuse_terminal() -> None:
    """Raises UserError where a video would go to a screen."""
    if sys.stdout is None or sys.stdout.closed:
        raise UserError("standard output is closed; name a file to write")
    if sys.stdout.isatty():
        raise UserError("standard output is a terminal; pipe it into a program, or name a file to write")


@contextmanager
def piped(done: str = "") -> Iterator[None]:
    """Raises ReaderLeftError where the reader of standard output leaves within the block."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderLeftError(f"the reader of standard output left{done}; the rest is not written") from None
