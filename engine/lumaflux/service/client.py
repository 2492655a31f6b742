"""A client of the worker in Python: what the self-test, scripts and tests use. One thread a client."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lumaflux.errors import UserError
from lumaflux.service import runtime
from lumaflux.service.frames import OwnFrames
from lumaflux.service.protocol import HEADER, PROTOCOL, body_length, pack, unpack

QUIET_S = 2.0  # without a word while waiting: ask whether the worker lives
HANG_S = 5.0  # without an answer to that: it hangs
START_S = 60.0
_SCRUBBED = ("PYTHON", "LD_", "DYLD_")  # a host's own Python and libraries must not reach the worker


class EngineError(UserError):
    """The worker's ``error`` answer, by its ``code``."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class EngineGoneError(UserError):
    """The worker closed the connection, or hangs."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``pixels`` as the worker wrote them, None when the render was cancelled."""

    pixels: np.ndarray | None
    cached: bool
    seconds: float


class Client:
    """A connection after its handshake. Raises EngineError when refused, EngineGoneError when nobody listens."""

    def __init__(
        self,
        directory: runtime.RuntimeDirectory | None = None,
        *,
        version: str = "",
        name: str = "python",
        token: str | None = None,
        protocol: int = PROTOCOL,
    ):
        directory = directory or runtime.open_runtime_directory()
        try:
            self._socket, contact = runtime.connect(directory, HANG_S)
        except OSError as error:
            raise _nobody(directory, error) from None
        self._received = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._frames: dict[int, OwnFrames] = {}
        self._progress: Callable[[int, int], None] = lambda done, total: None
        self._last_id = 0
        try:
            found = contact.token if token is None else token
            hello = {"type": "hello", "protocol": protocol, "version": version, "token": found, "client": name}
            self.welcome = self.wait(self.send(hello))
            if not runtime.proves(self.welcome, contact):
                raise EngineGoneError(f"another program listens on port {contact.port} of the engine")
        except OSError as error:
            self.close()
            raise _nobody(directory, error) from None
        except UserError:
            self.close()
            raise

    def send(self, message: dict[str, Any]) -> int:
        """Sends a request; its id."""
        self._last_id += 1
        try:
            self._socket.sendall(pack({**message, "id": self._last_id}))
        except OSError as error:
            raise EngineGoneError(f"the engine went away ({error})") from None
        return self._last_id

    def wait(self, request_id: int) -> dict[str, Any]:
        """The answer to a request. Raises EngineError for ``error``, EngineGoneError for none."""
        heard, asked = time.monotonic(), None
        while request_id not in self._answers:
            silent = time.monotonic() - heard
            if asked is None and silent > QUIET_S:
                asked, heard = self.send({"type": "ping"}), time.monotonic()
            elif silent > HANG_S:
                raise EngineGoneError(f"the engine has not answered for {silent:.0f} s; end its process")
            if self._receive(0.5):
                heard, asked = time.monotonic(), None
        answer = self._answers.pop(request_id)
        if answer["type"] == "error":
            raise EngineError(answer["code"], answer["message"])
        return answer

    def ping(self) -> dict[str, Any]:
        return self.wait(self.send({"type": "ping"}))

    def submit(
        self,
        pixels: np.ndarray,
        params: dict[str, Any] | None = None,
        *,
        premultiplied: bool = False,
        priority: str = "final",
        frame: int = 0,
    ) -> int:
        """Asks for a frame [H,W,3|4] and returns the id for :meth:`result` and :meth:`cancel`."""
        frames = OwnFrames(pixels)
        request = {
            "type": "render",
            "premultiplied": premultiplied,
            "priority": priority,
            "frame": frame,
            "params": params or {},
        }
        try:
            request_id = self.send({**request, **frames.request()})
        except UserError:
            frames.close()
            raise
        self._frames[request_id] = frames
        return request_id

    def result(self, request_id: int) -> Answer:
        """What became of a submitted frame."""
        with self._frames.pop(request_id) as frames:
            answer = self.wait(request_id)
            if answer["type"] == "cancelled":
                return Answer(pixels=None, cached=False, seconds=0.0)
            return Answer(pixels=frames.result(), cached=answer["cached"], seconds=answer["seconds"])

    def cancel(self, request_id: int) -> None:
        self.wait(self.send({"type": "cancel", "job": request_id}))

    def render(self, pixels: np.ndarray, params: dict[str, Any] | None = None, **how: Any) -> Answer:
        """:meth:`submit` and :meth:`result` in one."""
        return self.result(self.submit(pixels, params, **how))

    def analyze(
        self, params: dict[str, Any], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> dict[str, Any]:
        """The path of the tone track of ``params``' source_file, and its number of frames: {"track", "frames"}, with
        the host's frame of the file's first as "start" where frames of the host were looked at before.
        """
        self._progress = progress
        return self.wait(self.send({"type": "analyze", "params": params}))

    def look(
        self, pixels: np.ndarray, number: int, params: dict[str, Any] | None = None, frame: int = 0
    ) -> dict[str, Any]:
        """Hands over the next frame [H,W,3|4] of a clip to analyse; ``analyze`` without a source_file ends it. With one
        in ``params``, it is a sample: the host's ``frame``, to be found in the file.
        """
        with OwnFrames(pixels) as frames:
            how = {
                "premultiplied": False,
                "priority": "final",
                "params": params or {},
                "number": number,
                "frame": frame,
            }
            return self.wait(self.send({"type": "look", **how, **frames.request()}))

    def warm(self, model: str) -> None:
        self.wait(self.send({"type": "warm", "model": model}))

    def shutdown(self) -> None:
        self.wait(self.send({"type": "shutdown"}))

    def close(self) -> None:
        self._socket.close()
        for frames in self._frames.values():
            frames.close()
        self._frames.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, timeout_s: float) -> bool:
        """Reads what is there and keeps whole answers; False when nothing came."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return False
        try:
            data = self._socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            raise EngineGoneError("the engine closed the connection; see engine.log beside its socket")
        self._received += data
        while len(self._received) >= HEADER.size:
            end = HEADER.size + body_length(self._received[: HEADER.size])
            if len(self._received) < end:
                break
            answer = unpack(self._received[HEADER.size : end])
            self._received = self._received[end:]
            if answer["type"] == "progress":
                self._progress(answer["done"], answer["total"])
            else:
                self._answers[answer["id"]] = answer
        return True


def _nobody(directory: runtime.RuntimeDirectory, error: OSError) -> EngineGoneError:
    return EngineGoneError(f"no engine answers on {runtime.door(directory)} ({error})")


def start_worker(
    directory: runtime.RuntimeDirectory, python: str = sys.executable, *arguments: str
) -> subprocess.Popen[bytes]:
    """Starts a worker as the effect does: its own Python, a scrubbed environment, its words in start.log."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SCRUBBED)}
    kept["LUMAFLUX_RUNTIME_DIR"] = os.fspath(directory.path.parent)
    descriptor = os.open(directory.path / "start.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as said:
        return subprocess.Popen(
            [python, "-P", "-m", "lumaflux.cli", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=kept,
            cwd="/",
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )


def connect_or_start(
    directory: runtime.RuntimeDirectory, python: str = sys.executable, *arguments: str, version: str = ""
) -> tuple[Client, subprocess.Popen[bytes] | None]:
    """A connection to the worker that runs, or to a new one, with its process. Raises UserError when none comes up."""
    process, until = None, time.monotonic() + START_S
    while time.monotonic() < until:
        ended = process is not None and process.poll() is not None
        if runtime.answers(directory):
            with contextlib.suppress(EngineGoneError):  # one that is just leaving: its place is free soon
                return Client(directory, version=version), process
        elif process is None:
            process = start_worker(directory, python, *arguments)
        elif ended:
            break
        time.sleep(0.05)
    if process is None:
        raise UserError(
            f"the engine on {runtime.door(directory)} does not answer; end process {runtime.running_pid(directory)}"
        )
    lines = (directory.path / "start.log").read_text(errors="replace").strip().splitlines()
    raise UserError(f"the engine did not start: {lines[-1] if lines else 'it said nothing'}")
