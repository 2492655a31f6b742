"""What farm sessions run: start an engine that stays, hand it chunks, start it again when it was lost, stop it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.engine_process import LOG, SOCKET, START
from lumaflux.farm.frames import WorkerError
from lumaflux.farm.leftovers import ENGINE, remove_leftovers
from lumaflux.farm.sockets import near, unix_socket

VARIABLE = "LUMAFLUX_FARM_ENGINE"  # the folder of the session's engine
OWNER = "LUMAFLUX_FARM_OWNER"  # the process on this machine without which the engine is of no use
_LOST_TWICE = 2
_POLL_S = 0.1

Say = Callable[[str], None]


def say_openjd(line: str) -> None:
    """A line for the farm's log, in time."""
    print(line, flush=True)


def start_engine(spec: Path, source: Path, output: Path, say: Say = say_openjd) -> Path:
    """Starts the engine in a folder of its own, which later actions find by the environment variable."""
    remove_leftovers()
    try:
        text = spec.read_bytes()
    except OSError as error:
        raise UserError(f"the job {spec} cannot be read: {error.strerror}.") from None
    folder = Path(tempfile.mkdtemp(prefix=ENGINE))  # 0700: only this user speaks to the engine
    kept = folder / "job.json"  # the session's copy may be gone when the engine is started again
    kept.write_bytes(text)
    words: dict[str, Any] = {"job": str(kept), "input": str(source.resolve()), "output": str(output.resolve())}
    if owner := os.environ.get(OWNER):
        words["owner"] = int(owner)
    (folder / START).write_text(json.dumps(words), "utf-8")
    say("openjd_status: Loading the model")
    try:
        _spawn(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    say(f"openjd_env: {VARIABLE}={folder}")
    return folder


def engine_pid(folder: Path) -> int:
    """The process that answers in ``folder``. Raises OSError where none does."""
    with _connected(folder) as stream:
        _send(stream, {"ready": True})
        return int(json.loads(stream.readline())["pid"])


def stop_engine(folder: Path) -> None:
    """Ends it if it lives, and removes its folder."""
    with contextlib.suppress(OSError, ValueError), _connected(folder) as stream:
        _send(stream, {"stop": True})
        stream.readline()
    shutil.rmtree(folder, ignore_errors=True)


def ask(folder: Path, frames: str, say: Say = say_openjd) -> dict[str, Any]:
    """Has a chunk rendered. Raises FrameError when frames failed, WorkerError when the engine is lost for good."""
    lost = 0
    while True:
        try:
            answer = _asked(folder, frames, say)
            break
        except (OSError, ValueError):
            if (lost := lost + 1) == _LOST_TWICE:
                raise WorkerError(f"the engine was lost twice; its last words: {_last_words(folder)}") from None
            say("openjd_status: The engine was lost; starting it again")
            _spawn(folder)
    if "error" in answer:
        kind = next((kind for kind in (WorkerError, FrameError) if kind.exit_code == answer["code"]), UserError)
        raise kind(answer["error"])
    if failed := answer["failed"]:
        reasons = "; ".join(f"{number}: {reason}" for number, reason in failed.items())
        raise FrameError(f"{len(failed)} frames failed: {reasons}")
    return answer


def _asked(folder: Path, frames: str, say: Say) -> dict[str, Any]:
    with _connected(folder) as stream:
        _send(stream, {"frames": frames})
        while line := stream.readline():
            answer = json.loads(line)
            if "done" not in answer:
                return answer
            done, total = answer["done"], answer["total"]
            say(f"openjd_progress: {100 * done / max(total, 1):.1f}")
            say(f"openjd_status: {done} of {total} frames")
    raise ConnectionError


@contextlib.contextmanager
def _connected(folder: Path):
    with unix_socket() as connection:
        with near(folder) as path:
            connection.connect(f"{path}/{SOCKET}")
        with connection.makefile("rwb") as stream:
            yield stream


def _send(stream: Any, words: dict[str, Any]) -> None:
    stream.write(json.dumps(words).encode() + b"\n")
    stream.flush()


def _spawn(folder: Path) -> None:
    """Waits until it answers. Raises UserError with its own words and code when it does not come up."""
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lumaflux.farm.engine_process", os.fspath(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives the action that starts it
        )
    while True:
        with contextlib.suppress(OSError, ValueError):
            if engine_pid(folder) == process.pid:
                return
        if (code := process.poll()) is not None:
            kind = UserError if code == UserError.exit_code else WorkerError
            raise kind(_last_words(folder).removeprefix("lumaflux: "))
        time.sleep(_POLL_S)


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (folder / LOG).read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "none"
    return "none"
