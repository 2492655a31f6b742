"""``--mask``: where a user permits the model to invent, for every frame: a picture, a sequence or a clip."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import FrameError, UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import SourceOptions
from lumaflux.render.source import Neighbors, Source

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.media.metadata.info import MediaInfo

_BLACK = 3 / 255  # what a lossy clip leaves of code 0; below it invention is forbidden, not nearly so
_OPAQUE = 254.5 / 255
_ABOVE_WHITE = 1 / 255  # of floats: rounding and filters
_COLORED = 32 / 255  # between two channels: more than lossy codecs do to grey


class Mask:
    """One picture for all frames; or those of a sequence, by their numbers; or of a clip, from its first on."""

    def __init__(self, path: Path, size: tuple[int, int], source: Source | None = None):
        """``size``: width and height of the frames; ``source``: what they are frames of, None for a lone picture.

        Of a sequence or a clip no picture is read before a frame is asked for. Raises UserError for a file that is no
        picture and no clip, for one of another size, for a picture that says something else than how much of 0 to 1 is
        permitted, for many where one is masked, and for a clip that is not as long as the source.
        """
        from lumaflux.media.metadata.info import probe

        self.path, self._size = path, size
        self._pattern, self._still = SequencePath.parse(path), None
        self._frames: Neighbors | None = None
        first = path if self._pattern is None else self._pattern.file(self._pattern.numbers()[0])
        if first.is_dir():
            raise UserError(
                f"the mask {path} is a directory; name a picture, a clip, or a sequence as {path}/m.%04d.png"
            )
        info = probe(first)
        if (info.width, info.height) != size:
            raise UserError(self._of_another_size((info.width, info.height)))
        if source is None and (self._pattern is not None or info.kind == "video"):
            raise UserError(f"the mask {path} is of many frames, and one picture is masked; name a picture")
        if self._pattern is None and info.kind == "still":
            self._still = self._picture(path)
        elif self._pattern is None:
            assert source is not None
            self._frames = self._clip(info, source)

    def _clip(self, info: "MediaInfo", source: Source) -> Neighbors:
        masks = Source(self.path, SourceOptions(interlaced=source.options.interlaced), raw=True)
        if "alpha" in info.dropped:
            raise UserError(f"the mask {self.path} has alpha, which is not read from this codec; write it without")
        self._first = source.numbers[0]
        wanted, there = source.numbers[-1] + 1 - self._first, len(masks.numbers)
        if there != wanted:
            raise UserError(
                f"the mask {self.path} has {there} frames, {source.path} has {wanted}; it must be as long as the source"
            )
        return Neighbors(masks)

    def check(self, numbers: Callable[[], Iterable[int]]) -> None:
        """Raises UserError where a sequence lacks the picture of one of those frames of the source."""
        if self._pattern is None:
            return
        for number in numbers():
            if not self._pattern.file(number).is_file():
                raise UserError(self._without(number))

    def at(self, number: int) -> "np.ndarray":
        """For the source's frame of that number: [H,W] in [0,1]. Raises FrameError where there is none, or none that
        is a mask of the frames' size."""
        if self._still is not None:
            return self._still
        try:
            if self._frames is not None:
                frame = self._frames.frame(number - self._first)
                if frame is None:
                    raise UserError(f"the mask {self.path} has no frame {number - self._first}")
                return self._permission(f"{self.path} (frame {frame.number})", frame.sdr, frame.alpha)
            assert self._pattern is not None
            if not self._pattern.file(number).is_file():
                raise UserError(self._without(number))
            return self._picture(self._pattern.file(number))
        except UserError as error:
            raise FrameError(f"{error}.") from error
        except OSError as error:  # it was taken away meanwhile
            raise FrameError(f"the mask {self.path} cannot be read any more ({error.strerror}).") from error

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()

    def _without(self, number: int) -> str:
        return f"the mask {self.path} has no picture {number}; number it as the source is, a clip from 0"

    def _of_another_size(self, size: tuple[int, int], name: object = None) -> str:
        return (
            f"the mask {name or self.path} is {size[0]}x{size[1]}, the frames are {self._size[0]}x{self._size[1]} "
            "pixels; paint it at the frames' size"
        )

    def _picture(self, path: Path) -> "np.ndarray":
        from lumaflux.media.stills.picture import read_still

        still = read_still(path, raw=True)
        if still.notes:
            raise UserError(f"the mask {path} is no plain picture ({' '.join(still.notes)}); paint it from 0 to 1")
        return self._permission(path, still.sdr, still.alpha)

    def _permission(self, name: object, codes: "np.ndarray", alpha: "np.ndarray | None") -> "np.ndarray":
        """Stored codes [3,H,W] -> [H,W]: their mean, from 0, never, to 1."""
        import numpy as np

        if (size := (codes.shape[2], codes.shape[1])) != self._size:
            raise UserError(self._of_another_size(size, name))
        if alpha is not None and float(alpha.min()) < _OPAQUE:
            raise UserError(
                f"the mask {name} is transparent in parts, which says nothing; flatten it onto black or white"
            )
        low, high = float(codes.min()), float(codes.max())
        if low < -_ABOVE_WHITE or high > 1 + _ABOVE_WHITE:
            raise UserError(f"the mask {name} holds values from {low:.4g} to {high:.4g}; paint it from 0 (never) to 1")
        if float((codes.max(axis=0) - codes.min(axis=0)).max()) > _COLORED:
            raise UserError(f"the mask {name} is colored, which says nothing; paint it in grey: black is never")
        grey = codes.mean(axis=0, dtype=np.float32).clip(0, 1)
        return np.where(grey < _BLACK, np.float32(0), grey)


def open_mask(
    path: Path | None,
    size: tuple[int, int],
    source: Source,
    numbers: Sequence[int] | None = None,
    limit: int | None = None,
) -> Mask | None:
    """The mask of ``source``'s frames, ``limit`` of ``numbers`` (None: all), before any of them is rendered.

    Raises UserError as :class:`Mask` does, and for a sequence that lacks one of these frames.
    """
    if path is None:
        return None
    mask = Mask(path, size, source)
    mask.check(lambda: (source.numbers if numbers is None else numbers)[:limit])
    return mask


def mask_fact(path: Path) -> str:
    """A mask by its contents: what tells results under it from others."""
    pattern = SequencePath.parse(path)
    files = [path] if pattern is None else [pattern.file(number) for number in pattern.numbers()]
    try:
        return text_digest(" ".join(file_digest(file) for file in files))
    except OSError as error:
        raise UserError(f"the mask {path} cannot be read ({error.strerror}); name a picture or a clip") from None
