"""A numbered sequence of pictures in, as frames of one clip."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from types import TracebackType
from typing import Self

from lumaflux.errors import FrameError, UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.stills.frame_numbers import frames_text
from lumaflux.media.stills.picture import read_still, resolved_transfer
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.media.video.reader import SdrFrame, refuse_hdr
from lumaflux.options import SEQUENCE_RATE, SourceOptions


class SequenceReader:
    """Iterates over ``numbers`` of a sequence (all that are there if None); a context manager as VideoReader is.

    ``info`` is the first picture's. With ``keep_going`` missing and damaged frames are left out, counted in
    ``damaged`` and named in ``notes``. Raises UserError naming missing frames, FrameError for a damaged one.
    """

    def __init__(
        self,
        path: SequencePath,
        numbers: Sequence[int] | None = None,
        options: SourceOptions | None = None,
        *,
        keep_going: bool = False,
    ):
        options = options or SourceOptions()
        there = path.numbers()
        self.path = path
        wanted = list(range(there[0], there[-1] + 1)) if numbers is None else list(numbers)
        missing = sorted(set(wanted) - set(there))
        self.notes: list[str] = []
        self.damaged = 0
        if missing:
            sentence = f"{path.pattern} lacks the frames {frames_text(missing)}"
            if not keep_going or len(missing) == len(wanted):
                raise UserError(f"{sentence}; add them, or convert the rest with --keep-going")
            self.notes.append(f"{sentence}.")
            self.damaged = len(missing)
        self.numbers = [number for number in wanted if number not in set(missing)]
        self.info: MediaInfo = probe(path.file(self.numbers[0]), options.layer)
        if self.info.kind != "still":
            raise UserError(f"{path.pattern} is no sequence of pictures; name one picture file a frame")
        if not options.force_sdr and not options.raw:
            refuse_hdr(self.info)
        self._keep_going = keep_going
        self._options, said = resolved_options(self.info, options)
        self.notes += [f"{path.pattern} {note}" for note in said]
        self.frame_rate = options.frame_rate or SEQUENCE_RATE
        self.time_base = 1 / self.frame_rate

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __iter__(self) -> Iterator[SdrFrame]:
        return self.frames()

    def frames(self, wants: Callable[[int], bool] = lambda number: True) -> Iterator[SdrFrame]:
        """The frames whose numbers are wanted; the others are not read. ``pts`` counts from the sequence's first."""
        for number in self.numbers:
            if not wants(number):
                continue
            try:
                frame, notes = read_frame(self.path, number, self.info, self._options, first=self.numbers[0])
            except UserError as error:
                if not self._keep_going:
                    raise FrameError(str(error)) from error
                self.damaged += 1
                self.notes.append(str(error))
                continue
            self.notes += notes
            yield replace(frame, time_base=self.time_base)

    def check_whole(self) -> None:
        """Nothing: what a sequence lacks is said when it is opened, and each picture is checked when it is read."""


def resolved_options(info: MediaInfo, asked: SourceOptions) -> tuple[SourceOptions, tuple[str, ...]]:
    """One transfer for all frames of a sequence whose first one is ``info``'s, and what is to be said of it."""
    if asked.input_transfer != "auto" or asked.raw:
        return asked, ()
    _, said = resolved_transfer(info.path, info, asked.input_transfer, "srgb")
    return (replace(asked, input_transfer="bt1886") if said else asked), said


def read_frame(
    path: SequencePath, number: int, info: MediaInfo, options: SourceOptions, *, first: int = 0
) -> tuple[SdrFrame, tuple[str, ...]]:
    """One picture of a sequence whose first one is ``info``'s, and what had to be repaired in it. ``first``: the number
    whose time is 0.

    Raises UserError for a picture that is missing, damaged or of another size.
    """
    file = path.file(number)
    still = read_still(
        file, allow_hdr=options.force_sdr, raw=options.raw, layer=options.layer, transfer=options.input_transfer
    )
    found, size = (still.info.width, still.info.height), (info.width, info.height)
    if found != size:
        raise FrameError(
            f"{file} is {found[0]}x{found[1]} and not {size[0]}x{size[1]} as the first; split the sequence"
        )
    frame = SdrFrame(
        sdr=still.bt1886,
        pts=number - first,
        time_base=Fraction(1),
        duration=1,
        number=number,
        alpha=still.alpha,
    )
    return frame, still.notes
