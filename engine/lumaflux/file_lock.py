"""Locks of open files between processes; the system lets go of one with its process.

flock(2) where there is one. On Windows ``msvcrt.locking`` of one byte at the end of what it can address: a lock there
keeps others from reading and writing the bytes that it covers.
"""

import errno
import os
import time

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

# Whether a file that is open and locked can be renamed and written by its name, as everywhere but on Windows.
MOVES_OPEN_FILES = fcntl is not None
_BYTE = 0x7FFFFFF0
_LOOK_S = 0.1


def lock(descriptor: int, *, wait: bool) -> None:
    """Locks a file that is open for writing, for this process alone.

    Raises BlockingIOError where another holds it and ``wait`` is not set; OSError where it cannot be locked.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    while not _lock_byte(descriptor):
        if not wait:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
        time.sleep(_LOOK_S)


def _lock_byte(descriptor: int) -> bool:
    import msvcrt

    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EDEADLK):
            raise
        return False
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)
    return True
