"""The worker: one process a user, an event loop that always answers, one thread that renders."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumaflux.options import ModelOptions, part
from lumaflux.service import runtime
from lumaflux.service.frames import FrameMemory, remove_left_by
from lumaflux.service.machine import process_lives, resident_mb
from lumaflux.service.parameters import MODELS
from lumaflux.service.protocol import PROTOCOL
from lumaflux.service.queue import CancelledError, Job, JobQueue, QueueClosedError, QueueFullError
from lumaflux.service.renderer import CACHE_BYTES, Renderer
from lumaflux.service.session import Session
from lumaflux.version import __version__

IDLE_S = 900.0
RESIDENT_S = 43200.0  # of a resident worker: it ends with the night, and what it has grown by goes with it
FREE_S = 1800.0
_MOST_CONNECTIONS = 64
_LEAVE_S = 20.0  # for the frame under way, when asked to end
_HANGS_S = 120.0  # from a frame's cancelling on; then the worker makes room for one that works
_LOOKS_AFTER_DEATH_S = (0.2, 1.0, 5.0, 20.0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options(ModelOptions):
    """``warm``: load ``model`` at once. ``idle_s``: leave when nobody has asked for so long; 0 never leaves.
    ``free_s``: give the memory of model and frames back when nobody has asked for so long, and load the model again for
    the next client that comes; 0 keeps it.
    """

    warm: bool = True
    idle_s: float = IDLE_S
    free_s: float = 0.0
    cache_bytes: int = CACHE_BYTES


class Server:
    """Made and run in an event loop; ``listening`` is the bound socket."""

    def __init__(self, directory: runtime.RuntimeDirectory, listening: socket.socket, token: str, options: Options):
        self.directory, self.listening, self.token, self.options = directory, listening, token, options
        self.renderer = Renderer(part(ModelOptions, options), cache_bytes=options.cache_bytes)
        self.frame_memory = FrameMemory()  # of the rendering thread
        self.queue = JobQueue()
        self.outstanding = 0  # renders without an answer
        self.sessions: set[Session] = set()
        self._socket_inode = _inode(directory.socket)
        self._touched = time.monotonic()
        self._freed = ""  # the model that was in memory before it was given back
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        self._thread = threading.Thread(target=self._render_all, name="render", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> bool:
        """Serves until it is asked to leave, has been idle, or its socket's file is gone.

        False when the rendering thread could not be ended: the process must not wait for it.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._end)
        self._thread.start()
        if self.options.warm:
            self.warm(self.options.model)
        accepting = await asyncio.start_unix_server(self._accept, sock=self.listening)
        log.info("engine %s, process %d, listens on %s", __version__, os.getpid(), self.directory.socket)
        watch = asyncio.create_task(self._watch())
        await self._leave.wait()
        self.directory.socket.unlink(missing_ok=True)
        accepting.close()
        watch.cancel()
        self.queue.close(drop=True)
        await asyncio.to_thread(self._thread.join, 0.1 if self.queue.hangs_s > _HANGS_S else _LEAVE_S)
        await asyncio.sleep(0)  # what the thread finished is answered
        for session in list(self.sessions):
            session.writer.close()
        log.info("engine leaves")
        return not self._thread.is_alive()

    def touch(self) -> None:
        """Somebody wants something: the idle time begins anew, and a model that was given back is loaded again."""
        self._touched = time.monotonic()
        if self._freed:
            model, self._freed = self._freed, ""
            self.warm(model)

    def drain(self) -> None:
        """Takes no more renders, and leaves when the last one is answered."""
        self.queue.close()
        if not self.outstanding:
            self._leave.set()

    def warm(self, model: str) -> None:
        """Loads a model in the rendering thread, as soon as that is free."""

        def finish(result: Any, failure: BaseException | None) -> None:
            if failure is not None and not isinstance(failure, CancelledError | QueueClosedError):
                log.error("model %s cannot be loaded: %s", model, failure)

        try:
            self.queue.put(Job(lambda job: self.renderer.load(model), finish, "interactive"))
        except (QueueFullError, QueueClosedError):
            log.info("model %s is not warmed up: too much waits", model)

    def _free(self) -> None:
        """Gives memory back in the rendering thread, behind what waits."""

        def work(job: Job) -> None:
            if self._freed:  # else somebody has come since
                before = resident_mb()
                self.frame_memory = FrameMemory()
                self.renderer.free()
                log.info("gave memory back: %d MB before, %d MB now", before, resident_mb())

        def finish(result: None, failure: BaseException | None) -> None:
            if failure is not None and not isinstance(failure, QueueClosedError):
                log.error("memory was not given back: %s", failure)

        self._freed = self.renderer.model
        try:
            self.queue.put(Job(work, finish, "thumbnail"))
        except (QueueFullError, QueueClosedError):
            self._freed = ""

    def facts(self) -> dict[str, Any]:
        """What a welcome says."""
        return {
            "protocol": PROTOCOL,
            "version": __version__,
            "python": sys.executable,
            "pid": os.getpid(),
            "models": list(dict.fromkeys([self.options.model, *MODELS])),
            "model_ready": self.renderer.ready,
        }

    def load(self) -> dict[str, Any]:
        """What a pong says."""
        loads = self.renderer.loading
        return {"busy": self.queue.busy, "queue": self.queue.waiting, "rss_mb": resident_mb(), "loads": loads}

    def in_loop(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Calls back in the event loop, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def later(self, seconds: float, callback: Callable[..., None], *arguments: Any) -> None:
        """Calls back in the event loop after a while; for its own thread."""
        self._loop.call_later(seconds, callback, *arguments)

    def _end(self) -> None:
        log.info("asked to end")
        self._leave.set()

    def _render_all(self) -> None:
        while self.queue.run_next() or not self.queue.closed:
            pass

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session, pid = Session(self, reader, writer), 0
        self.sessions.add(session)
        try:
            pid, uid = runtime.peer(writer.get_extra_info("socket"))
            if not runtime.trusted(uid):
                log.warning("refused process %d of user %d", pid, uid)
            elif len(self.sessions) > _MOST_CONNECTIONS:
                log.warning("refused process %d: %d connections", pid, len(self.sessions) - 1)
            else:
                await session.run()
        except Exception:  # one client's trouble never ends the worker
            log.exception("a connection failed")
        finally:
            self.sessions.discard(session)
            writer.close()
            self._sweep_later(pid)
            if self.queue.closed and not self.outstanding:
                self._leave.set()

    def _sweep_later(self, pid: int) -> None:
        async def sweep() -> None:
            for seconds in _LOOKS_AFTER_DEATH_S:
                await asyncio.sleep(seconds)
                if not process_lives(pid):
                    if removed := remove_left_by(pid):
                        log.info("removed %d frames that process %d left in shared memory", removed, pid)
                    return

        task = asyncio.create_task(sweep())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Leaves when idle, when drained, and when another could take the place since the socket's file is gone."""
        idle_s, free_s = self.options.idle_s, self.options.free_s
        while True:
            await asyncio.sleep(min([1.0, *(seconds / 4 for seconds in (idle_s, free_s) if seconds)]))
            if self.queue.hangs_s > _HANGS_S:
                log.error("a cancelled frame has not ended for %.0f s; leaving, a new engine can start", _HANGS_S)
                self._leave.set()
                return
            if not self.queue.closed and self._socket_gone():
                log.warning("the socket's file is gone")
                self.queue.close()
            quiet_s = 0.0 if self.outstanding or self.queue.busy else time.monotonic() - self._touched
            if free_s and quiet_s > free_s and self.renderer.ready and not self._freed and not self.queue.closed:
                self._free()
            unused = idle_s and quiet_s > idle_s
            if not self.outstanding and (unused or self.queue.closed):
                log.info("nothing to do any more" if unused else "all is done")
                self._leave.set()
                return

    def _socket_gone(self) -> bool:
        found = _inode(self.directory.socket)
        return found is None or found != self._socket_inode


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
