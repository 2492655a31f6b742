"""One client's connection: the handshake, its requests, its renders."""

import asyncio
import hmac
import logging
import time
from collections import deque
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.service.frames import FrameMemoryError, SharedFrames
from lumaflux.service.parameters import RenderParameters, parse_parameters
from lumaflux.service.protocol import (
    HEADER,
    PROTOCOL,
    Analyze,
    AnalyzeFrame,
    Cancel,
    Code,
    Hello,
    Load,
    Ping,
    ProtocolError,
    Render,
    Request,
    Warm,
    Work,
    body_length,
    error,
    pack,
    parse_request,
)
from lumaflux.service.queue import CancelledError, Job, QueueClosedError, QueueFullError
from lumaflux.service.renderer import ModelError
from lumaflux.service.roles import Engine
from lumaflux.service.session_analyses import SessionAnalyses
from lumaflux.service.shared_objects import FrameRefusedError
from lumaflux.version import __version__

HELLO_S = 10.0  # a connection that does not say hello ends after so long
STATUS = "status"  # the client that asks how the worker is
_BODY_S = 30.0  # from a header to the end of its body
_CANCEL_S = 3.0  # for a running job to end by itself, before its client is told that it is cancelled
_NAMES_KEPT = 64  # a client has a few frames under way, and uses their memory again
_UNREAD_BYTES = 4 << 20  # of answers; a client that reads none is let go

log = logging.getLogger(__name__)


class Session:
    """Runs in the server's event loop; renders run in its rendering thread."""

    def __init__(self, server: Engine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.server, self.reader, self.writer = server, reader, writer
        self.jobs: dict[int, tuple[Job, Work]] = {}
        self.client = "?"
        self.shared: deque[str] = deque(maxlen=_NAMES_KEPT)  # objects that it named last
        self.analyses = SessionAnalyses(self)

    async def run(self) -> None:
        """Serves until the client leaves or sends what is no message."""
        try:
            if await self._welcome():
                while True:
                    try:
                        request = await self._receive()
                    except ProtocolError as broken:
                        self.send(broken.answer)
                        if broken.fatal:
                            log.warning("%s: %s; connection closed", self.client, broken)
                            return
                        continue
                    self._serve(request)
                    await self.writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            pass  # the client left, or hangs
        finally:
            for job, _ in list(self.jobs.values()):
                self.server.queue.cancel(job)

    async def _receive(self) -> Request:
        header = await self.reader.readexactly(HEADER.size)
        body = await asyncio.wait_for(self.reader.readexactly(body_length(header)), _BODY_S)
        return parse_request(body)

    def send(self, answer: dict[str, Any]) -> None:
        """Answers without waiting; to a client that is gone, nothing happens."""
        if self.writer.is_closing():
            return
        self.writer.write(pack(answer))
        if self.writer.transport.get_write_buffer_size() > _UNREAD_BYTES:
            log.warning("%s reads no answers; connection closed", self.client)
            self.writer.transport.abort()

    async def _welcome(self) -> bool:
        """True after a good hello; else the answer says what is wrong and the connection ends."""
        try:
            request = await asyncio.wait_for(self._receive(), HELLO_S)
        except ProtocolError as broken:
            self.send(broken.answer)
            return False
        code, message = self._judge(request)
        if code is not None:
            log.warning("refused a client: %s", message)
            self.send(error(request.id, code, message) | ({"version": __version__} if code == "version" else {}))
            return False
        assert isinstance(request, Hello)
        self.client = request.client or "a client"
        if self.client != STATUS:  # who only looks keeps nothing in memory
            self.server.touch()
        self.send({"type": "welcome", "id": request.id, **self.server.facts()})
        return True

    def _judge(self, request: Request) -> tuple[Code | None, str]:
        if not isinstance(request, Hello):
            return "bad_request", "the first message of a connection must be hello"
        if not hmac.compare_digest(request.token.encode(), self.server.token.encode()):
            return "bad_token", "the token is not the running engine's; read engine.token again"
        if request.protocol != PROTOCOL or request.version not in ("", __version__):
            asked = f"engine {request.version or 'of any version'}, protocol {request.protocol}"
            return "version", (
                f"engine {__version__} with protocol {PROTOCOL} runs, but {asked} is asked for; "
                "run `lumaflux plugin install` and restart the host"
            )
        return None, ""

    def _serve(self, request: Request) -> None:
        match request:
            case Hello():
                self.send(error(request.id, "bad_request", "hello was said already"))
            case Ping():
                self.send({"type": "pong", "id": request.id, **self.server.load()})
            case Cancel():
                if (found := self.jobs.get(request.job)) is not None:
                    self.server.queue.cancel(found[0])
                    self.server.later(_CANCEL_S, self.answer, *found, None, CancelledError())
                self.send({"type": "ok", "id": request.id})
            case Warm():
                self.server.touch()
                self.server.warm(request.model)
                self.send({"type": "ok", "id": request.id})
            case Load() | Render() | Analyze() | AnalyzeFrame():
                self.server.touch()
                self._begin(request)
            case _:
                log.info("%s asks to shut down", self.client)
                self.send({"type": "ok", "id": request.id})
                self.server.drain()

    def _begin(self, request: Work) -> None:
        if request.id in self.jobs:
            self.send(error(request.id, "bad_request", f"a job with the id {request.id} is under way"))
            return
        try:
            parameters = parse_parameters({} if isinstance(request, Load) else request.params)
        except UserError as wrong:
            self.send(error(request.id, "bad_request", str(wrong)))
            return
        job = self._job(request, parameters)
        try:
            self.server.queue.put(job)
        except QueueFullError:
            self.send(error(request.id, "busy", "the engine has too many frames waiting; ask again later"))
        except QueueClosedError:
            self.send(_shutting_down(request.id))
        else:
            self.jobs[request.id] = job, request
            self.server.outstanding += 1

    def _job(self, request: Work, parameters: RenderParameters) -> Job:
        if isinstance(request, Render | AnalyzeFrame) and request.shm not in self.shared:
            self.shared.append(request.shm)
        if isinstance(request, Analyze) and parameters.source_file:
            return self.analyses.of_file(request, parameters)
        if isinstance(request, Analyze | AnalyzeFrame):
            return self.analyses.of_host(request, parameters)

        def finish(result: Any, failure: BaseException | None) -> None:
            self.server.in_loop(self.answer, job, request, result, failure)

        if isinstance(request, Load):
            job = Job(lambda job: self._loaded(request.model), finish, "interactive")
            return job
        job = Job(lambda job: self._work(job, request, parameters), finish, request.priority)
        return job

    def _loaded(self, model: str) -> dict[str, Any]:
        """Loads a model in the rendering thread, and says what runs it."""
        self.server.renderer.load(model)
        return {"type": "loaded", "model": model, "backend": self.server.renderer.backend, **self.server.load()}

    def _work(self, job: Job, request: Render, parameters: RenderParameters) -> dict[str, Any]:
        """Reads, renders and writes one frame, in the rendering thread."""
        start = time.perf_counter()
        with SharedFrames(request) as frames:
            pixels = frames.read(self.server.frame_memory)
            rendered = self.server.renderer.render_frame(
                pixels,
                parameters,
                premultiplied=request.premultiplied,
                draft=request.priority == "thumbnail",
                on_step=job.check,
                out=pixels,
            )
            job.check()
            frames.write(rendered.pixels)
        seconds = time.perf_counter() - start
        size = f"{request.width}x{request.height}"
        log.info("%s: frame %d, %s, %.3f s%s", self.client, request.frame, size, seconds, " (cached)" * rendered.cached)
        facts = {"model": parameters.model, "backend": rendered.backend, "track": rendered.track}
        return {"type": "done", "cached": rendered.cached, "seconds": seconds, **facts}

    def answer(
        self,
        job: Job,
        request: Work,
        result: dict[str, Any] | None,
        failure: BaseException | None,
    ) -> None:
        """The end of a job, in the event loop; the second end of one that was given up is not told."""
        if self.jobs.get(request.id, (None,))[0] is not job:
            return
        del self.jobs[request.id]
        self.server.outstanding -= 1
        self.server.touch()
        if result is not None:
            self.send({"id": request.id, **result})
        else:
            self.send(failure_answer(request, failure, self.server.directory.log))


def failure_answer(request: Work, failure: BaseException | None, log_file: Path) -> dict[str, Any]:
    """What a client is told of a render that did not succeed; what is a bug goes to the log."""
    match failure:
        case CancelledError():
            return {"type": "cancelled", "id": request.id}
        case QueueClosedError():
            return _shutting_down(request.id)
        case FrameRefusedError():
            return error(request.id, "bad_request", str(failure))
        case FrameMemoryError():
            return error(request.id, "memory", str(failure))
        case MemoryError():
            size = "" if isinstance(request, Analyze | Load) else f" of {request.width}x{request.height}"
            log.warning("out of memory for a frame%s", size)
            return error(
                request.id,
                "memory",
                f"the engine has too little memory for a frame{size}; "
                "close other programs, or render at a lower resolution",
            )
        case ModelError():
            return error(request.id, "model", str(failure))
        case UserError():
            return error(request.id, "engine", str(failure))
        case _:
            log.error("%s failed", request.type, exc_info=failure)
            said = f"{type(failure).__name__}: {failure}"[:200].replace("\n", " ")
            return error(request.id, "engine", f"the engine failed on this frame ({said}); see {log_file}")


def _shutting_down(request_id: int) -> dict[str, Any]:
    return error(request_id, "shutting_down", "the engine is shutting down; ask again and a new one starts")
