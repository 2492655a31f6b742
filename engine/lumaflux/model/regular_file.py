"""Files that are read whole: regular ones alone, and no more of them than is allowed.

A FIFO would be waited for without end, /dev/zero read without end, and a file may grow while it is read.
"""

import os
import stat
from pathlib import Path

from lumaflux.errors import UserError

_CHUNK = 1 << 20
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # the last is Windows's, the others are not
    _FLAGS |= getattr(os, _name, 0)


def check_regular(path: Path) -> None:
    """Raises UserError for what is there and is no file of the disk; what is missing is for the reader to say."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} is {_kind(mode)} and not a file; name a file")


def read_regular(path: Path, largest: int) -> bytes:
    """A regular file's bytes, at most ``largest``.

    Raises OSError as ``open`` does, and UserError for what is no regular file or larger, also when it grows meanwhile.
    """
    check_regular(path)
    # What took its place since is opened without waiting for a FIFO's writer or a device.
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(f"{path} is {_kind(facts.st_mode)} and not a file; name a file")
        found = bytearray()
        while chunk := file.read(min(_CHUNK, largest + 1 - len(found))):
            found += chunk
            if len(found) > largest:
                raise UserError(f"{path} has more than {largest / (1 << 20):.4g} MiB, which is too much for it")
        return bytes(found)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
