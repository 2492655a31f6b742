"""Named shared memory by the system: files of /dev/shm on Linux, mapped objects on macOS, sections on Windows.

On Linux reading and writing go through pread and pwrite into memory of this process's own. A mapping would end the
process by SIGBUS when its owner truncates the object or /dev/shm is full; so both are errors of the one frame. Darwin
reads and writes no such object without mapping it, and gives one its size only once (XNU, pshm_truncate); a section of
Windows has all its pages from the start. So mappings are safe there.
"""

import contextlib
import errno
import mmap
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, cast

from lumaflux.service.machine import process_lives

SHARED_MEMORY = Path("/dev/shm")
_CHUNK = 1 << 30  # bytes a call: Linux moves at most 2^31 - 4096
_NO_ROOM = (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT)
_NO_ROOM_WINDOWS = (8, 14, 1455)  # winerror.h: no memory, no memory, the page file is too small


class FrameRefusedError(Exception):
    """The shared memory is not what the request says; one sentence."""


class SharedObject(Protocol):
    """An object that is open. Reading raises FrameRefusedError where it was cut short, writing OSError without room."""

    def read(self, view: memoryview, offset: int) -> None: ...

    def write(self, view: memoryview, offset: int) -> None: ...

    def close(self) -> None: ...


def open_object(name: str, size: int) -> SharedObject:
    """A client's object of ``size`` bytes at least; ``name`` begins with a slash. Raises FrameRefusedError for one that
    is not there, smaller, or not the user's alone.
    """
    try:
        if (posix := _posix_shm()) is None:
            return _Section(name, size)
        if SHARED_MEMORY.is_dir():
            descriptor = os.open(_path(name), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        else:
            descriptor = posix.shm_open(name, os.O_RDWR, 0o600)
    except OSError as error:
        raise FrameRefusedError(f"the shared memory {name} cannot be opened ({error.strerror})") from None
    if fault := _fault(os.fstat(descriptor), size):
        os.close(descriptor)
        raise FrameRefusedError(f"the shared memory {name} {fault}")
    return _File(name, descriptor) if SHARED_MEMORY.is_dir() else _Mapping(descriptor, size)


def make_object(name: str, size: int) -> SharedObject:
    """A new object of this process, mode 0600. Raises OSError where there is no room, or one of that name."""
    if (posix := _posix_shm()) is None:
        return _Section(name, size, make=True)
    if SHARED_MEMORY.is_dir():
        descriptor = os.open(_path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    else:
        descriptor = posix.shm_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if SHARED_MEMORY.is_dir():
            os.posix_fallocate(descriptor, 0, size)
            return _File(name, descriptor)
        os.ftruncate(descriptor, size)
        return _Mapping(descriptor, size)
    except OSError:
        os.close(descriptor)
        remove_object(name)
        raise


def remove_object(name: str) -> None:
    """Removes an object if it is there. A section of Windows goes with the last process that has it open."""
    if (posix := _posix_shm()) is None:
        return
    with contextlib.suppress(FileNotFoundError):
        if SHARED_MEMORY.is_dir():
            os.unlink(_path(name))
        else:
            posix.shm_unlink(name)


def remove_left_by(pid: int, names: Iterable[str] = ()) -> int:
    """Removes the user's objects that a dead process left behind; how many.

    ``names`` of objects that it was seen to use: only Linux lists what is there.
    """
    if process_lives(pid):
        return 0
    removed = 0
    if SHARED_MEMORY.is_dir():
        for path in SHARED_MEMORY.glob(f"lumaflux-{pid}-*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_uid == os.geteuid():
                    path.unlink()
                    removed += 1
    elif (posix := _posix_shm()) is not None:
        for name in names:
            if name.startswith(f"/lumaflux-{pid}-"):
                with contextlib.suppress(OSError):
                    posix.shm_unlink(name)
                    removed += 1
    return removed


def no_room(error: OSError, size: str) -> str | None:
    """What to say of a frame of ``size`` for which there is no room; None for another error."""
    if error.errno not in _NO_ROOM and getattr(error, "winerror", None) not in _NO_ROOM_WINDOWS:
        return None
    if SHARED_MEMORY.is_dir():
        return f"there is no room in {SHARED_MEMORY} for a frame of {size}; free or enlarge it"
    return f"there is no shared memory for a frame of {size}; close other programs"


class _File:
    """Linux: an object that is a file."""

    def __init__(self, name: str, descriptor: int):
        self._name, self._file = name, descriptor

    def read(self, view: memoryview, offset: int) -> None:
        done = 0
        while done < len(view):
            count = os.preadv(self._file, [view[done : done + _CHUNK]], offset + done)
            if count == 0:
                raise FrameRefusedError(f"the shared memory {self._name} was cut short while it was read")
            done += count

    def write(self, view: memoryview, offset: int) -> None:
        done = 0
        while done < len(view):
            done += os.pwrite(self._file, view[done : done + _CHUNK], offset + done)

    def close(self) -> None:
        os.close(self._file)


class _Mapping:
    """macOS: an object that is mapped."""

    def __init__(self, descriptor: int, size: int):
        self._memory = mmap.mmap(descriptor, size)
        os.close(descriptor)

    def read(self, view: memoryview, offset: int) -> None:
        with memoryview(self._memory) as memory:
            view[:] = memory[offset : offset + len(view)]

    def write(self, view: memoryview, offset: int) -> None:
        with memoryview(self._memory) as memory:
            memory[offset : offset + len(view)] = view

    def close(self) -> None:
        self._memory.close()


class _Section:
    """Windows: a section of the page file. It is its session's own, and may be opened by its user alone; its name has
    no slash (plugin/shim/link/shared_memory.cpp)."""

    def __init__(self, name: str, size: int, *, make: bool = False):
        from multiprocessing.shared_memory import SharedMemory

        self._memory = SharedMemory(name.removeprefix("/"), create=make, size=size if make else 0)
        if self._memory.size < size:
            held = self._memory.size
            self.close()
            raise FrameRefusedError(f"the shared memory {name} has {held} bytes, the request says {size}")

    def read(self, view: memoryview, offset: int) -> None:
        view[:] = self._bytes()[offset : offset + len(view)]

    def write(self, view: memoryview, offset: int) -> None:
        self._bytes()[offset : offset + len(view)] = view

    def _bytes(self) -> memoryview:
        memory = self._memory.buf
        if memory is None:
            raise ValueError("the shared memory is closed")
        return memory

    def close(self) -> None:
        self._memory.close()


class _PosixShm(Protocol):
    """CPython's module under :mod:`multiprocessing.shared_memory`, which would remove at its end what it has opened."""

    def shm_open(self, path: str, flags: int, mode: int) -> int: ...

    def shm_unlink(self, path: str) -> None: ...


def _posix_shm() -> _PosixShm | None:
    try:
        import _posixshmem
    except ModuleNotFoundError:  # Windows
        return None
    return cast("_PosixShm", _posixshmem)


def _fault(facts: os.stat_result, size: int) -> str | None:
    """What is wrong with an object of POSIX shared memory; Darwin's have no kind of file in their mode."""
    if stat.S_IFMT(facts.st_mode) not in (0, stat.S_IFREG):
        return "is no plain object"
    if facts.st_uid != os.geteuid():
        return "belongs to another user"
    if facts.st_mode & 0o077:
        return "can be reached by other users; it must have mode 0600"
    if facts.st_size < size:
        return f"has {facts.st_size} bytes, the request says {size}"
    return None


def _path(name: str) -> str:
    return os.fspath(SHARED_MEMORY / name.removeprefix("/"))
