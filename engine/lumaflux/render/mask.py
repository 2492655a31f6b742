"""``--mask``: where a user permits the model to invent, for every frame: a picture, a sequence or a clip."""

from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import SourceOptions
from lumaflux.render.source import Neighbors, Source

if TYPE_CHECKING:
    import numpy as np

_BLACK = 3 / 255  # what a lossy clip leaves of code 0; below it invention is forbidden, not nearly so


class Mask:
    """One picture for all frames; or those of a sequence, by their numbers; or of a clip, from its first on.

    Nothing but the size is read before a frame is asked for. Raises UserError for a file that is no picture and no
    clip, and for one of another size than ``size``, width and height of the frames.
    """

    def __init__(self, path: Path, size: tuple[int, int]):
        from lumaflux.media.metadata.info import probe

        self.path = path
        pattern = SequencePath.parse(path)
        info = probe(path if pattern is None else pattern.file(pattern.numbers()[0]))
        if (info.width, info.height) != size:
            raise UserError(
                f"the mask {path} is {info.width}x{info.height}, the frames are {size[0]}x{size[1]} pixels; "
                "paint it at the frames' size"
            )
        self._pattern, self._still = pattern, None
        self._frames: Neighbors | None = None
        if pattern is None and info.kind == "video":
            self._frames = Neighbors(Source(path, SourceOptions(force_sdr=True)))
        elif pattern is None:
            self._still = _picture(path)

    def at(self, number: int) -> "np.ndarray":
        """For the source's frame of that number: [H,W] in [0,1]. Raises UserError where there is none."""
        if self._still is not None:
            return self._still
        if self._frames is not None:
            sdr = self._frames.read(number)
            if sdr is None:
                raise UserError(f"the mask {self.path} has no frame {number}; it must be as long as the clip")
            return _permission(sdr)
        assert self._pattern is not None
        file = self._pattern.file(number)
        if not file.is_file():
            raise UserError(f"the mask {self.path} has no picture {number}; number it as the source is numbered")
        return _picture(file)

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()


def mask_fact(path: Path) -> str:
    """A mask by its contents: what tells results under it from others."""
    pattern = SequencePath.parse(path)
    files = [path] if pattern is None else [pattern.file(number) for number in pattern.numbers()]
    try:
        return text_digest(" ".join(file_digest(file) for file in files))
    except OSError as error:
        raise UserError(f"the mask {path} cannot be read ({error.strerror}); name a picture or a clip") from None


def _picture(path: Path) -> "np.ndarray":
    from lumaflux.media.stills.picture import read_still

    return _permission(read_still(path, raw=True).bt1886)


def _permission(codes: "np.ndarray") -> "np.ndarray":
    """Stored codes [3,H,W] -> [H,W]: their mean, from 0, never, to 1."""
    import numpy as np

    grey = codes.mean(axis=0, dtype=np.float32).clip(0, 1)
    return np.where(grey < _BLACK, np.float32(0), grey)
