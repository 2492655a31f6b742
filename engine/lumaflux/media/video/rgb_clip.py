"""Three planes of 8 bits as a clip: lossless FFV1 in R'G'B', with the times of the frames that it belongs to."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile, cannot_write


class RgbClip:
    """Planes [3,H,W] in [0,1] as full-range R, G and B; ``bt709``: they are BT.709 pictures, and tagged so. The file
    gets its name when the block ends well.

    Raises UserError for a target that cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        time_base: Fraction,
        *,
        overwrite: bool = False,
        sources: tuple[Path, ...] = (),
        bt709: bool = False,
    ):
        self._file, self._bt709 = AtomicFile(path, overwrite=overwrite, sources=sources), bt709
        self._size, self._time_base = size, time_base
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> Self:
        import av

        self._file.__enter__()
        self._container = av.open(str(self._file.partial), "w", format="matroska")
        stream = self._container.add_stream("ffv1", options={"level": "3", "slicecrc": "1"})
        stream.width, stream.height = self._size
        stream.pix_fmt = "bgr0"  # FFV1 has R'G'B' of 8 bits in no other order
        stream.time_base = stream.codec_context.time_base = self._time_base
        if self._bt709:
            context = stream.codec_context
            context.color_primaries = context.color_trc = 1  # H.273
            context.colorspace, context.color_range = 0, 2
        self._stream = stream
        return self

    def write(self, planes: np.ndarray, pts: int) -> None:
        import av

        codes = np.ascontiguousarray(np.moveaxis((255 * planes.clip(0, 1) + 0.5).astype(np.uint8), 0, -1))
        frame = av.VideoFrame.from_ndarray(codes, format="rgb24").reformat(format="bgr0")
        frame.pts, frame.time_base = pts, self._time_base
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise cannot_write(self._file.target, error) from error

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
            self._container.close()
        except OSError as failure:
            self._file.__exit__(type(failure), failure, None)
            raise cannot_write(self._file.target, failure) from failure
        except UserError:
            self._file.__exit__(UserError, None, None)
            raise
        self._file.__exit__(kind, error, trace)
