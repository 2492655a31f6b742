"""Frames in POSIX shared memory, which on Linux are files of /dev/shm.

Reading and writing go through pread and pwrite into memory of this process's own. A mapping would end the process by
SIGBUS when its owner truncates the object or /dev/shm is full; so both are errors of the one frame. Nothing stays
mapped when a client dies, and the copy is needed anyway: the engine wants planes.
"""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from lumaflux.service.machine import available_bytes, process_lives
from lumaflux.service.protocol import Look, Render

SHARED_MEMORY = Path("/dev/shm")
DTYPES = {"float": np.float32, "half": np.float16, "short": np.uint16, "byte": np.uint8}
DEPTHS = {np.dtype(dtype): depth for depth, dtype in DTYPES.items()}
_LARGEST_KEPT = 150_000_000  # 4K in float
_COPIES = 3  # of a frame in float that a rendering holds at least: planes, result, what is written
_CHUNK = 1 << 30  # bytes a call: Linux moves at most 2^31 - 4096


class FrameRefusedError(Exception):
    """The shared memory is not what the request says; one sentence."""


class FrameMemoryError(Exception):
    """There is no room in shared memory; one sentence."""


class SharedFrames:
    """A client's object, open for one request. Raises FrameRefusedError for one that is not there or not the user's."""

    def __init__(self, request: Render | Look):
        self.request = request
        try:
            self._file = os.open(_path(request.shm), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise FrameRefusedError(f"the shared memory {request.shm} cannot be opened ({error.strerror})") from None
        facts = os.fstat(self._file)
        fault = None
        if not stat.S_ISREG(facts.st_mode):
            fault = "is no plain object"
        elif facts.st_uid != os.geteuid():
            fault = "belongs to another user"
        elif facts.st_mode & 0o077:
            fault = "can be reached by other users; it must have mode 0600"
        elif facts.st_size < request.shm_size:
            fault = f"has {facts.st_size} bytes, the request says {request.shm_size}"
        if fault:
            os.close(self._file)
            raise FrameRefusedError(f"the shared memory {request.shm} {fault}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)

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
        done = 0
        while done < len(view):
            count = os.preadv(self._file, [view[done : done + _CHUNK]], r.src_offset + done)
            if count == 0:
                raise FrameRefusedError(f"the shared memory {r.shm} was cut short while it was read")
            done += count
        pixels = rows[:, : r.row] if r.row == r.src_row_bytes else np.ascontiguousarray(rows[:, : r.row])
        return pixels.view(DTYPES[r.depth]).reshape(r.height, r.width, r.components)

    def write(self, pixels: np.ndarray) -> None:
        """The result [H,W,C]; what pads its rows is left alone. Raises FrameMemoryError when /dev/shm is full."""
        r = self.request
        rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(r.height, r.row)
        try:
            if r.dst_row_bytes == r.row:
                self._write_all(rows.reshape(-1).data, r.dst_offset)
            else:
                for y in range(r.height):
                    self._write_all(rows[y].data, r.dst_offset + y * r.dst_row_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT):
                raise
            raise FrameMemoryError(
                f"there is no room in {SHARED_MEMORY} for a frame of {r.width}x{r.height}; free or enlarge it"
            ) from None

    def _write_all(self, view: memoryview, offset: int) -> None:
        done = 0
        while done < len(view):
            done += os.pwrite(self._file, view[done : done + _CHUNK], offset + done)


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

    Raises FrameMemoryError when /dev/shm has no room for it.
    """

    def __init__(self, source: np.ndarray):
        if source.ndim != 3 or source.shape[2] not in (3, 4) or source.dtype not in DEPTHS:
            raise ValueError(f"a frame must be [H,W,3|4] of {list(DTYPES)}, but is {source.dtype}{source.shape}")
        self.shape, self.dtype, self.bytes = source.shape, source.dtype, source.nbytes
        self.name = f"/lumaflux-{os.getpid()}-{secrets.token_hex(4)}"  # macOS takes 31 characters in all
        self._file = os.open(_path(self.name), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(self._file, 0, 2 * self.bytes)
            view, done = np.ascontiguousarray(source).view(np.uint8).reshape(-1).data, 0
            while done < len(view):
                done += os.pwrite(self._file, view[done : done + _CHUNK], done)
        except OSError as error:
            self.close()
            raise FrameMemoryError(
                f"there is no room in {SHARED_MEMORY} for a frame of {source.shape[1]}x{source.shape[0]} "
                f"({error.strerror}); free or enlarge it"
            ) from None

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
        view, done = pixels.view(np.uint8).reshape(-1).data, 0
        while done < len(view):
            done += os.preadv(self._file, [view[done : done + _CHUNK]], self.bytes + done)
        return pixels

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_path(self.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def remove_left_by(pid: int) -> int:
    """Removes the user's objects that a dead process left behind; how many."""
    if process_lives(pid):
        return 0
    removed = 0
    for path in SHARED_MEMORY.glob(f"lumaflux-{pid}-*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.geteuid():
                path.unlink()
                removed += 1
    return removed


def _path(name: str) -> str:
    return os.fspath(SHARED_MEMORY / name.removeprefix("/"))
