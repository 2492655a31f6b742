"""A socket's path is limited to 107 bytes (unix(7), sun_path), and a directory for temporary files may be deeper."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from lumaflux.errors import UserError

_DESCRIPTORS = Path("/proc/self/fd")


@contextlib.contextmanager
def near(folder: Path) -> Iterator[str]:
    """A short path of a folder for the time of the block: by its descriptor on Linux (proc(5)), its own elsewhere.

    Raises OSError where the folder cannot be opened.
    """
    if not _DESCRIPTORS.is_dir():
        yield os.fspath(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"{_DESCRIPTORS}/{descriptor}"
    finally:
        os.close(descriptor)


def unix_socket() -> socket.socket:
    """A stream socket of this machine. Raises UserError where Python has none (Windows)."""
    if not hasattr(socket, "AF_UNIX"):
        raise UserError(
            "a farm's engines speak through Unix sockets, which Python does not have on this system; render the frames "
            "by lumaflux farm frames, or on Linux"
        )
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
