"""What of the SDR the coding of its HDR file took, as a stream in the sidecar: ``--sdr-residual``.

It is the shorter of two: the source's own coded pictures, copied, from which the SDR comes back whole; or the
difference of the source and what restoring gives, coded by x264 at a constant quantizer that bounds the error. A source
of few bits is its own shortest description; a master is not.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lumaflux.color.ycbcr import code_scales, rgb_to_ycbcr, subsample_420
from lumaflux.errors import UserError
from lumaflux.media.video.coded_frame import BITS, SourceCodes
from lumaflux.threads import THREADS

if TYPE_CHECKING:
    from lumaflux.render.source import Source

Kind = Literal["pictures", "difference"]
Planes = list[np.ndarray]
_QUANTIZER = 4  # steps of one code; its error, with that of rounding, is 53 dB in R'G'B' whatever the pictures are
_MIDDLE = 128  # of the difference, in codes of 8 bits
_RATE = Fraction(25)  # of the stream; nobody asks for it


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How R'G'B' becomes the stream's planes: 4:2:0 codes as the source's, or R', G', B' of 8 bits if ``luma`` is
    None."""

    luma: tuple[float, float, float] | None = None
    full_range: bool = False
    siting: str = "left"

    @classmethod
    def of(cls, codes: SourceCodes | None) -> "Coding":
        """Of a frame; odd sizes of 4:2:0 are beyond x264."""
        if codes is None or codes.y.shape[0] % 2 or codes.y.shape[1] % 2:
            return cls()
        return cls(luma=codes.luma, full_range=codes.full_range, siting=codes.siting)

    def planes(self, sdr: np.ndarray, codes: SourceCodes | None = None) -> Planes:
        """[3,H,W] in [0,1] -> uint8; ``codes``, where there are any, are them already."""
        if self.luma is None:
            return list(np.floor(sdr * 255 + 0.5).astype(np.uint8))
        if codes is not None:
            return [codes.y, codes.cb, codes.cr]
        luma, *chroma = rgb_to_ycbcr(sdr, self.luma)
        scale, offset, chroma_scale, chroma_offset = code_scales(BITS, self.full_range)
        halved = (chroma_scale * subsample_420(plane, self.siting) + chroma_offset for plane in chroma)
        return [np.floor(plane + 0.5).clip(0, 255).astype(np.uint8) for plane in (scale * luma + offset, *halved)]

    def sdr(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        """The way back; in whole codes of 8 bits."""
        if self.luma is None:
            return np.stack(planes).astype(np.float32) / 255
        y, cb, cr = planes
        made = SourceCodes(y=y, cb=cb, cr=cr, luma=self.luma, full_range=self.full_range, siting=self.siting)
        return np.floor(made.rgb() * 255 + 0.5).astype(np.float32) / 255


class Residual:
    """Of a sidecar: ``led`` gives the frame of a number, in rising order, by what came back without it."""

    def __init__(self, path: Path, kind: Kind, coding: Coding):
        self._kind, self._coding, self._planes = kind, coding, _decoded(path)
        self._frames = enumerate(self._planes)

    def close(self) -> None:
        self._planes.close()

    def led(self, number: int, restored: Callable[[], np.ndarray]) -> np.ndarray:
        """SDR [3,H,W] in [0,1]. Raises UserError where the stream ends before."""
        planes = next((planes for place, planes in self._frames if place == number), None)
        if planes is None:
            raise UserError(f"the residual has no frame {number}; the sidecar is cut short: convert the source again")
        if self._kind == "difference":
            base = self._coding.planes(restored())
            planes = [
                (one.astype(np.int16) + change - _MIDDLE).clip(0, 255).astype(np.uint8)
                for one, change in zip(base, planes, strict=True)
            ]
        return self._coding.sdr(planes)


def write_residual(
    into: Path,
    source: "Source",
    numbers: Sequence[int],
    restored: Callable[[], Iterator[tuple[np.ndarray, int]]],
    delivered: int,
) -> tuple[Kind, Coding]:
    """A Matroska file of the source's frames ``numbers``; ``restored`` begins what comes back of them without it;
    ``delivered``: bytes of the HDR file, within which the source's own pictures are taken without a look at the
    difference.

    Raises UserError for a source that does not give the same frames again.
    """
    first = next(source_frames(source, numbers), None)
    if first is None:
        raise UserError(f"{source.path} gives none of its frames again; no residual can be made")
    coding = Coding.of(first[1])
    beside = into.with_suffix(".pictures")
    try:
        copied = _copied(beside, source, numbers, coding)
        if not copied or beside.stat().st_size > delivered:
            _write_difference(into, source, numbers, restored, coding)
            if not copied or beside.stat().st_size >= into.stat().st_size:
                return "difference", coding
        beside.replace(into)
        return "pictures", coding
    finally:
        beside.unlink(missing_ok=True)


def source_frames(source: "Source", numbers: Sequence[int]) -> "Iterator[tuple[np.ndarray, SourceCodes | None]]":
    """Of those numbers, rising: SDR [3,H,W] in [0,1], and the codes that it was made of, where they say all of it."""
    wanted, last = set(numbers), max(numbers, default=-1)
    with source.open(list(numbers) if source.pattern is not None else None) as reader:
        for frame in reader.frames(lambda number: number in wanted or number > last):
            if frame.number > last:
                return
            yield frame.sdr, frame.codes


def _planes_of(source: "Source", numbers: Sequence[int], coding: Coding) -> Iterator[Planes]:
    return (coding.planes(*frame) for frame in source_frames(source, numbers))


def _copied(path: Path, source: "Source", numbers: Sequence[int], coding: Coding) -> bool:
    """Whether the source's pictures were copied, and are those that were converted: from the first on, without gaps."""
    import av

    whole = list(numbers) == list(range(len(numbers)))
    if source.pattern is not None or coding.luma is None or not whole:
        return False
    try:
        with av.open(str(source.path)) as one, av.open(str(path), "w", format="matroska") as other:
            stream: Any = one.streams.video[0]
            copy: Any = other.add_stream_from_template(stream, opaque=True)
            stream.codec_context.thread_count, shown = 1, 0  # so that a picture comes as soon as it can be shown
            for packet in one.demux(stream):
                shown += len(packet.decode())
                if packet.size:
                    packet.stream = copy
                    other.mux(packet)
                if shown >= len(numbers):
                    break
        again = islice(_decoded(path), len(numbers))
        for planes, frame in zip_longest(again, _planes_of(source, numbers, coding)):
            if planes is None or frame is None:
                return False
            if not all(np.array_equal(mine, its) for mine, its in zip(planes, frame, strict=True)):
                return False
    except (OSError, ValueError):  # no place for this codec in Matroska, or times that it does not take
        return False
    return True


def _write_difference(
    path: Path,
    source: "Source",
    numbers: Sequence[int],
    restored: Callable[[], Iterator[tuple[np.ndarray, int]]],
    coding: Coding,
) -> None:
    import av

    with av.open(str(path), "w", format="matroska") as container:
        options = {"qp": str(_QUANTIZER), "preset": "medium", "tune": "psnr", "x264-params": "log-level=none"}
        stream: Any = container.add_stream("libx264", rate=_RATE, options=options)
        stream.codec_context.thread_count = THREADS
        for number, (wanted, back) in enumerate(zip_longest(_planes_of(source, numbers, coding), restored())):
            if wanted is None or back is None:
                raise UserError(f"{source.path} does not give frame {number} again; no residual can be made")
            base = coding.planes(back[0])
            planes = [
                (its.astype(np.int16) - mine + _MIDDLE).clip(0, 255).astype(np.uint8)
                for its, mine in zip(wanted, base, strict=True)
            ]
            made = _video_frame(planes, coding)
            if number == 0:
                stream.width, stream.height, stream.pix_fmt = made.width, made.height, made.format.name
            made.pts = number
            container.mux(stream.encode(made))
        container.mux(stream.encode())


def _video_frame(planes: Planes, coding: Coding) -> Any:
    import av

    if coding.luma is None:
        return av.VideoFrame.from_ndarray(np.stack(planes), format="yuv444p", channel_last=False)
    flat = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, planes[0].shape[1])
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(flat), format="yuv420p")


def _decoded(path: Path) -> Generator[Planes]:
    import av

    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = THREADS
        for frame in container.decode(video=0):
            yield [_plane(plane) for plane in frame.planes[:3]]


def _plane(plane: Any) -> np.ndarray:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
