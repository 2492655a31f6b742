"""What a connection needs of the server, and what an analysis needs of its connection."""

from collections.abc import Callable
from typing import Any, Protocol

from lumaflux.service.frames import FrameMemory
from lumaflux.service.protocol import Work
from lumaflux.service.queue import Job, JobQueue
from lumaflux.service.renderer import Renderer
from lumaflux.service.runtime import RuntimeDirectory


class Engine(Protocol):
    """The server, as :mod:`lumaflux.service.server` has it. ``outstanding``: renders without an answer."""

    directory: RuntimeDirectory
    token: str
    queue: JobQueue
    renderer: Renderer
    frame_memory: FrameMemory
    outstanding: int

    def touch(self) -> None: ...

    def warm(self, model: str) -> None: ...

    def drain(self) -> None: ...

    def facts(self) -> dict[str, Any]: ...

    def load(self) -> dict[str, Any]: ...

    def in_loop(self, callback: Callable[..., None], *arguments: Any) -> None: ...

    def later(self, seconds: float, callback: Callable[..., None], *arguments: Any) -> None: ...


class Connection(Protocol):
    """A client's connection, as :mod:`lumaflux.service.session` has it."""

    server: Engine
    client: str

    def send(self, answer: dict[str, Any]) -> None: ...

    def answer(
        self,
        job: Job,
        request: Work,
        result: dict[str, Any] | None,
        failure: BaseException | None,
    ) -> None: ...
