"""The engine of one worker session: loads the model once, then renders the chunks that tasks hand it by a socket."""

import contextlib
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from lumaflux.errors import UserError
from lumaflux.farm.frames import Renderer, open_renderer, render_frames
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import read_spec
from lumaflux.farm.sockets import near, unix_socket
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.threads import collect_rarely, share_heaps, wait_passively

SOCKET, LOG, START = "engine.sock", "engine.log", "start.json"
_IDLE_S = 900.0  # then it leaves: a session that was killed says no goodbye, and a task starts it again
_LOOK_S = 2.0  # how often it looks whether its owner lives
_LARGEST_REQUEST = 1 << 20


class _GoneError(Exception):
    """The task that asked is no more; its chunk is left where it is."""


def main(folder: Path) -> int:
    """Serves ``folder``/engine.sock until told to stop; what it was started with is in start.json. Returns the code."""
    wait_passively()
    share_heaps()
    collect_rarely()
    try:
        start = json.loads((folder / START).read_text("utf-8"))
        job = JobFolder(Path(start["output"]))
        spec = read_spec(Path(start["job"]), Path(start["input"]))
        renderer = open_renderer(spec, job)
        renderer.converter()
    except UserError as error:
        print(f"lumaflux: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    with _listening(folder) as listener:
        heard = time.monotonic()
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if time.monotonic() - heard > _IDLE_S or not _lives(start.get("owner")):
                    shutil.rmtree(folder, ignore_errors=True)
                    return 0
                continue
            with connection, contextlib.suppress(_GoneError):
                if not _answer(connection, job, renderer):
                    return 0
            heard = time.monotonic()


def _lives(owner: int | None) -> bool:
    """Whether the runner on this machine that asked for the engine is there; farms name none."""
    if owner is None:
        return True
    return psutil.pid_exists(owner)


@contextlib.contextmanager
def _listening(folder: Path):
    path = folder / SOCKET
    hidden = folder / f".{SOCKET}"
    hidden.unlink(missing_ok=True)
    with unix_socket() as listener:
        with near(folder) as short:
            listener.bind(f"{short}/{hidden.name}")
        listener.listen(8)
        listener.settimeout(_LOOK_S)
        os.replace(hidden, path)  # what has the name answers
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _answer(connection: socket.socket, job: JobFolder, renderer: Renderer) -> bool:
    """Whether to go on."""
    with connection.makefile("rwb") as stream:

        def say(**words: Any) -> None:
            try:
                stream.write(json.dumps(words).encode() + b"\n")
                stream.flush()
            except OSError:
                raise _GoneError from None

        try:
            request = json.loads(stream.readline(_LARGEST_REQUEST))
        except (ValueError, OSError):
            return True
        if request.get("stop"):
            say(stopped=True)
            return False
        if "frames" in request:
            try:
                numbers = frame_list(request["frames"])
                chunk = render_frames(job, renderer, numbers, lambda done, total: say(done=done, total=total))
                say(
                    rendered=frames_text(chunk.rendered),
                    kept=frames_text(chunk.kept),
                    failed={str(number): reason for number, reason in chunk.failed.items()},
                    loads=renderer.loads,
                )
            except UserError as error:
                say(error=str(error), code=error.exit_code)
        else:
            say(ready=True, pid=os.getpid(), loads=renderer.loads)
        return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
