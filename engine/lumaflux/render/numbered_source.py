"""The frames of a job's input by number: of a video from 0 on, of a numbered sequence by the files' own numbers."""

from bisect import bisect_left
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.media.video.numbered_frames import NumberedFrames

_ENDS = 1 << 20  # bytes at either end of a file that tell it from others


@dataclass(kw_only=True)
class Source:
    """``path``: a video, or a sequence as ``name.%04d.ext``; ``numbers``: its frames; ``digest``: what tells it apart.

    Of a sequence the digest covers the naming only, so that a picture may come later; pictures have their own.
    """

    path: Path
    kind: str
    numbers: list[int]
    width: int
    height: int
    digest: str
    allow_hdr: bool = False
    _video: "NumberedFrames | None" = None

    def read(self, numbers: Sequence[int]) -> "Generator[tuple[int, np.ndarray], None, None]":
        """(number, BT.709 R'G'B' for BT.1886, float32 [3,H,W] in [0,1]) of ascending ``numbers``.

        Raises FrameError or UserError at the first that cannot be read.
        """
        if self.kind == "video":
            assert self._video is not None
            for number, frame in self._video.read(numbers):
                yield number, frame.sdr
            return
        from lumaflux.color.srgb import srgb_to_bt1886
        from lumaflux.media.stills.picture import read_still

        for number in numbers:
            still = read_still(self.picture(number), allow_hdr=self.allow_hdr)
            yield number, srgb_to_bt1886(still.sdr) if still.transfer == "srgb" else still.sdr

    def picture(self, number: int) -> Path:
        """The file of one frame of a sequence."""
        return self.path.with_name(self.path.name % number)

    def frame_digest(self, number: int) -> str:
        """What tells this frame's input from another; empty for videos, which the job's digest covers."""
        import xxhash

        return "" if self.kind == "video" else xxhash.xxh3_128(self.picture(number).read_bytes()).hexdigest()


class NumberedPictures:
    """The pictures of a source by number, in one stream for those that follow each other."""

    def __init__(self, source: Source):
        self._source = source
        self._stream: Generator[tuple[int, np.ndarray], None, None] | None = None
        self._place = 0  # of the picture that the stream gives next

    def read(self, number: int) -> "np.ndarray | None":
        """None for a frame that is not there or cannot be read."""
        numbers = self._source.numbers
        place = bisect_left(numbers, number)
        if place == len(numbers) or numbers[place] != number:
            return None
        if self._stream is None or place != self._place:
            if self._stream is not None:
                self._stream.close()
            self._stream = self._source.read(numbers[place:])
        self._place = place + 1
        try:
            return next(self._stream)[1]
        except (UserError, OSError, StopIteration):
            self._stream = None
            return None


def open_source(path: Path, *, allow_hdr: bool = False) -> Source:
    """Raises UserError for what is neither a video nor a numbered sequence that is there."""
    from lumaflux.media.metadata.info import probe
    from lumaflux.media.stills.numbered_files import numbered_pattern, sequence_numbers
    from lumaflux.media.video.numbered_frames import NumberedFrames

    pattern = path if path.exists() and not path.is_dir() else numbered_pattern(path)
    if pattern is not None and "%" in pattern.name and not pattern.exists():
        numbers = sequence_numbers(pattern)
        if not numbers:
            raise UserError(f"{path} has no files; check the name of the sequence.")
        info = probe(pattern.with_name(pattern.name % numbers[0]))
        _refuse(info, allow_hdr)
        digest = digest_of_text(f"{pattern.name} {info.width}x{info.height}")
        return Source(
            path=pattern,
            kind="sequence",
            numbers=numbers,
            width=info.width,
            height=info.height,
            digest=digest,
            allow_hdr=allow_hdr,
        )
    info = probe(path)
    if info.kind != "video":
        raise UserError(f"{path} is one picture; name a video, or a sequence as {path.stem}.%04d{path.suffix}")
    _refuse(info, allow_hdr)
    video = NumberedFrames(path, allow_hdr=allow_hdr)
    count = len(video) or info.frame_count
    if not count:
        raise UserError(f"{path} does not say how many frames it has; put it into .mp4 or .mkv first.")
    return Source(
        path=path,
        kind="video",
        numbers=list(range(count)),
        width=info.width,
        height=info.height,
        digest=digest_of_file(path),
        allow_hdr=allow_hdr,
        _video=video,
    )


def _refuse(info, allow_hdr: bool) -> None:
    from lumaflux.media.video.reader import refuse_hdr

    if not allow_hdr:
        refuse_hdr(info)


def digest_of_text(text: str) -> str:
    import xxhash

    return xxhash.xxh3_128(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Of its length and its first and last MiB: read in a moment whatever its size."""
    import xxhash

    size = path.stat().st_size
    digest = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_ENDS))
        file.seek(max(0, size - _ENDS))
        digest.update(file.read(_ENDS))
    return digest.hexdigest()
