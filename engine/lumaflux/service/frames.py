"""Frames in shared memory: a client's for a request, and those that a client of our own makes.

They are copied into memory of this process's own: nothing stays mapped when a client dies, and the copy is needed
anyway, for the engine wants planes.
"""

import os
import secrets
from types import TracebackType
from typing import Self

import numpy as np

from lumaflux.service.machine import available_bytes
from lumaflux.service.protocol import AnalyzeFrame, Render
from lumaflux.service.shared_objects import make_object, no_room, open_object, remove_object

DTYPES = {"float": np.float32, "half": np.float16, "short": np.uint16, "byte": np.uint8}
DEPTHS = {np.dtype(dtype): depth for depth, dtype in DTYPES.items()}
_LARGEST_KEPT = 150_000_000  # 4K in float
_COPIES = 3  # of a frame in float that a rendering holds at least: planes, result, what is written


class FrameMemoryError(Exception):
    """There is no room in shared memory; one sentence."""


class SharedFrames:
    """A client's object, open for one request. Raises FrameRefusedError for one that is not there or not the user's."""

    def __init__(self, request: Render | AnalyzeFrame):
        self.request = request
        self._object = open_object(request.shm, request.shm_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._object.close()

    def read(self, memory: "FrameMemory | None" = None) -> np.ndarray:
        """The source [H,W,C], top row first, in the request's depth; in ``memory``, which its next user overwrites.

        Raises FrameRefusedError when it is cut short, MemoryError when this machine has no room to render it: an
        object may be larger than all memory as long as nobody reads it.
        """
        r = self.request
        size = r.height * r.src_row_bytes
        planes = 4 * r.width * r.height * r.components
        if (needed := size + _COPIES * planes) > available_bytes():
            raise MemoryError(f"{needed} bytes")
        rows = (memory.take(size) if memory else np.empty(size, np.uint8)).reshape(r.height, r.src_row_bytes)
        view = rows.reshape(-1).data[: r.src_row_bytes * (r.height - 1) + r.row]
        self._object.read(view, r.src_offset)
        pixels = rows[:, : r.row] if r.row == r.src_row_bytes else np.ascontiguousarray(rows[:, : r.row])
        return pixels.view(DTYPES[r.depth]).reshape(r.height, r.width, r.components)

    def write(self, pixels: np.ndarray) -> None:
        """The result [H,W,C]; what pads its rows is left alone. Raises FrameMemoryError when there is no room."""
        r = self.request
        rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(r.height, r.row)
        try:
            if r.dst_row_bytes == r.row:
                self._write_all(rows.reshape(-1).data, r.dst_offset)
            else:
                for y in range(r.height):
                    self._write_all(rows[y].data, r.dst_offset + y * r.dst_row_bytes)
        except OSError as error:
            if (said := no_room(error, f"{r.width}x{r.height}")) is None:
                raise
            raise FrameMemoryError(said) from None

    def _write_all(self, view: memoryview, offset: int) -> None:
        self._object.write(view, offset)


class FrameMemory:
    """Bytes that one frame after another is read into: new pages cost more than the copy. For one thread."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def take(self, size: int) -> np.ndarray:
        """``size`` bytes, whatever they hold."""
        if size > _LARGEST_KEPT:
            return np.empty(size, np.uint8)
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.uint8)
        return self._bytes[:size]


class OwnFrames:
    """A client's object for one source and one result [H,W,C]; removed at the end of the block.

    Raises FrameMemoryError when there is no room for it.
    """

    def __init__(self, source: np.ndarray):
        if source.ndim != 3 or source.shape[2] not in (3, 4) or source.dtype not in DEPTHS:
            raise ValueError(f"a frame must be [H,W,3|4] of {list(DTYPES)}, but is {source.dtype}{source.shape}")
        self.shape, self.dtype, self.bytes = source.shape, source.dtype, source.nbytes
        self.name = f"/lumaflux-{os.getpid()}-{secrets.token_hex(4)}"  # macOS takes 31 characters in all
        try:
            self._object = make_object(self.name, 2 * self.bytes)
        except OSError as error:
            raise FrameMemoryError(
                no_room(error, f"{source.shape[1]}x{source.shape[0]}") or f"shared memory cannot be made ({error})"
            ) from None
        self._open = True
        self._object.write(np.ascontiguousarray(source).view(np.uint8).reshape(-1).data, 0)

    def request(self) -> dict[str, str | int]:
        """The members of a render request that describe this object."""
        height, width, components = self.shape
        row = width * components * self.dtype.itemsize
        return {
            "shm": self.name,
            "shm_size": 2 * self.bytes,
            "width": width,
            "height": height,
            "components": components,
            "depth": DEPTHS[self.dtype],
            "src_offset": 0,
            "src_row_bytes": row,
            "dst_offset": self.bytes,
            "dst_row_bytes": row,
        }

    def result(self) -> np.ndarray:
        """What the worker wrote [H,W,C]."""
        pixels = np.empty(self.shape, self.dtype)
        self._object.read(pixels.view(np.uint8).reshape(-1).data, self.bytes)
        return pixels

    def close(self) -> None:
        if self._open:
            self._open = False
            self._object.close()
            remove_object(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
