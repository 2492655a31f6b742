"""One runner a job folder: the second is refused, and a killed one leaves nothing in the way."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.farm.job import HIDDEN
from lumaflux.file_lock import lock


@contextlib.contextmanager
def runner_lock(folder: Path) -> Iterator[None]:
    """Held while a job is run as a whole. Raises UserError naming the holder where there is one."""
    path = folder / HIDDEN / "runner.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; choose a directory you may write to.") from None
    with file:
        try:
            lock(file.fileno(), wait=False)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another run"
            raise UserError(f"{folder} is being rendered already by {holder}; wait for it, or stop it.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
