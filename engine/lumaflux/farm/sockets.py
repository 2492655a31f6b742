"""A socket's path is limited to 107 bytes (unix(7), sun_path), and a directory for temporary files may be deeper."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def near(folder: Path) -> Iterator[str]:
    """A short path of a folder for the time of the block: by its descriptor (Linux, proc(5)).

    Raises OSError where the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
