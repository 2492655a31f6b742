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
from lumaflux.service.frames import FrameMemory
from lumaflux.service.machine import process_lives, resident_mb
from lumaflux.service.parameters import MODELS
from lumaflux.service.protocol import PROTOCOL
from lumaflux.service.queue import CancelledError, Job, JobQueue, QueueClosedError, QueueFullError
from lumaflux.service.renderer import CACHE_BYTES, Renderer
from lumaflux.service.session import Session
from lumaflux.service.shared_objects import remove_left_by
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

    def __init__(
        self,
        directory: runtime.RuntimeDirectory,
        listening: socket.socket,
        contact: runtime.Contact,
        options: Options,
    ):
        self.directory, self.listening, self.contact, self.options = directory, listening, contact, options
        self.token = contact.token
        self.renderer = Renderer(part(ModelOptions, options), cache_bytes=options.cache_bytes)
        self.frame_memory = FrameMemory()  # of the rendering thread
        self.queue = JobQueue()
        self.outstanding = 0  # renders without an answer
        self.sessions: set[Session] = set()
        self._door = runtime.door(directory)
        self._door_inode = _inode(self._door)
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
        self._heed_signals()
        self._thread.start()
        if self.options.warm:
            self.warm(self.options.model)
        serves = asyncio.start_unix_server if runtime.has_file_sockets() else asyncio.start_server
        accepting = await serves(self._accept, sock=self.listening)
        where = f"port {self.contact.port}" if self.contact.port else self.directory.socket
        log.info("engine %s, process %d, listens on %s", __version__, os.getpid(), where)
        watch = asyncio.create_task(self._watch())
        await self._leave.wait()
        runtime.remove(self._door)
        accepting.close()
        watch.cancel()
        self.queue.close(drop=True)
        await asyncio.to_thread(self._thread.join, 0.1 if self.queue.hangs_s > _HANGS_S else _LEAVE_S)
        await asyncio.sleep(0)  # what the thread finished is answered
        for session in list(self.sessions):
            session.writer.close()
        log.info("engine leaves")
        return not self._thread.is_alive()

    def _heed_signals(self) -> None:
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):  # the last is Windows's, and others are not there
            if (number := getattr(signal, name, None)) is None:
                continue
            try:
                self._loop.add_signal_handler(number, self._end)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: self.in_loop(self._end))

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
        proof = {"proof": self.contact.proof} if self.contact.port else {}
        return proof | {
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
                log.warning("refused process %d of user %s", pid, uid)
            elif len(self.sessions) > _MOST_CONNECTIONS:
                log.warning("refused process %d: %d connections", pid, len(self.sessions) - 1)
            else:
                await session.run()
        except asyncio.CancelledError:  # the worker leaves, and asyncio would print that of each who is still there
            pass
        except Exception:  # one client's trouble never ends the worker
            log.exception("a connection failed")
        finally:
            self.sessions.discard(session)
            writer.close()
            self._sweep_later(pid, tuple(session.shared))
            if self.queue.closed and not self.outstanding:
                self._leave.set()

    def _sweep_later(self, pid: int, names: tuple[str, ...]) -> None:
        if not pid:  # Windows, where nothing outlives the processes that have it open
            return

        async def sweep() -> None:
            for seconds in _LOOKS_AFTER_DEATH_S:
                await asyncio.sleep(seconds)
                if not process_lives(pid):
                    if removed := remove_left_by(pid, names):
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
            if not self.queue.closed and self._door_gone():
                log.warning("%s is gone", self._door)
                self.queue.close()
            quiet_s = 0.0 if self.outstanding or self.queue.busy else time.monotonic() - self._touched
            if free_s and quiet_s > free_s and self.renderer.ready and not self._freed and not self.queue.closed:
                self._free()
            unused = idle_s and quiet_s > idle_s
            if not self.outstanding and (unused or self.queue.closed):
                log.info("nothing to do any more" if unused else "all is done")
                self._leave.set()
                return

    def _door_gone(self) -> bool:
        found = _inode(self._door)
        return found is None or found != self._door_inode


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
