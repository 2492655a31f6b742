"""The engine inside a host's process: what the bridge library of the effect calls (docs/plugin.md)."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from lumaflux.errors import UserError
from lumaflux.service.client_analyses import ClientAnalyses, file_result
from lumaflux.service.frames import DTYPES
from lumaflux.service.machine import resident_mb
from lumaflux.service.parameters import RenderParameters, parse_parameters
from lumaflux.service.renderer import Renderer
from lumaflux.service.shared_objects import FrameRefusedError
from lumaflux.threads import wait_passively

_DONE, _ABORTED, _FAILED = 0, 1, 2  # LumaFluxOutcome of plugin/embed/bridge.h
log = logging.getLogger(__name__)
_CLIENT = "the host"
_lock = threading.Lock()
_of_thread = threading.local()
_renderer: Renderer | None = None


class _AbortedError(Exception):
    pass


def check(packages: str) -> None:
    """Raises UserError when this process has libraries of its own where the engine needs those beside it."""
    places = _places(Path(packages))
    for name in ("numpy", "torch"):
        module = sys.modules.get(name)
        where = Path(getattr(module, "__file__", None) or packages).resolve()
        if module is not None and not any(where.is_relative_to(place) for place in places):
            raise UserError(f"the host has loaded its own {name}")


def _places(packages: Path) -> list[Path]:
    """A folder of packages, and those that its .pth files name (site, "path configuration file")."""
    found = [packages.resolve()]
    for file in sorted(packages.glob("*.pth")):
        lines = file.read_text("utf-8", "replace").splitlines()
        named = (packages / line.strip() for line in lines if line.strip() and not line.startswith(("#", "import")))
        found += [place.resolve() for place in named if place.is_dir()]
    return found


def render(
    source: memoryview,
    result: memoryview,
    shape: tuple[int, int, int],
    depth: str,
    parameters: bytes,
    aborted: Callable[[], bool],
    premultiplied: bool,
    draft: bool,
) -> tuple[int, str]:
    """Renders a frame of rows without gaps, shape [H,W,C], as the worker does: an outcome of the bridge, and what
    rendered it as JSON, nothing when ``aborted`` said so (asked between the steps), or a sentence for the user.

    The bridge of an effect that was installed before calls it by place: the order of the arguments stays.
    """
    start = time.perf_counter()

    def on_step() -> None:
        if aborted():
            raise _AbortedError

    def work() -> dict[str, Any]:
        chosen = _parameters(parameters)
        pixels = np.frombuffer(source, DTYPES[depth]).reshape(shape)
        out = np.frombuffer(result, DTYPES[depth]).reshape(shape)
        with _turn(on_step):
            on_step()
            rendered = _the_renderer().render_frame(
                pixels, chosen, premultiplied=premultiplied, draft=draft, on_step=on_step, out=out
            )
        facts = {"model": chosen.model, "backend": rendered.backend, "track": rendered.track, "cached": rendered.cached}
        return {**facts, "seconds": time.perf_counter() - start}

    return _outcome(work, "for this frame: close other programs and render again")


def look(
    source: memoryview,
    shape: tuple[int, int, int],
    depth: str,
    parameters: bytes,
    premultiplied: bool,
    number: int,
    frame: int,
) -> tuple[int, str]:
    """Sees the ``number``-th frame of a clip to analyse, which is the host's ``frame``. 0 begins anew. The frames of an
    analysis and its end come from one thread."""

    def planes() -> np.ndarray:
        from lumaflux.service.samples import planes_of

        return planes_of(np.frombuffer(source, DTYPES[depth]).reshape(shape), premultiplied=premultiplied)

    def work() -> dict[str, Any]:
        with _turn():
            return {"frames": _analyses().see(number, frame, _parameters(parameters), planes)}

    return _outcome(work, "to analyse: close other programs and press Analyse again")


def analyze(parameters: bytes, told: Callable[[float], bool]) -> tuple[int, str]:
    """A tone track of the file that the parameters name, or else of the frames that were looked at, as the worker's:
    "track", "frames" and, of a file that was looked for, "start" as JSON. ``told`` hears the share that is done, -1
    where that is unknown, for every frame, and says whether to stop.
    """

    def work() -> dict[str, Any]:
        chosen = _parameters(parameters)
        with _turn():
            if not chosen.source_file:
                return dict(_analyses().of_host(_CLIENT))
            analysis = _analyses().of_file(chosen)
            try:

                def check() -> None:
                    if told(min(1.0, analysis.done / analysis.total) if analysis.total else -1.0):
                        raise _AbortedError

                while (track := analysis.proceed(check)) is None:
                    pass
                return dict(file_result(track, analysis, _CLIENT))
            finally:
                analysis.close()

    return _outcome(work, "to analyse: close other programs and press Analyse again")


def load(model: str) -> tuple[int, str]:
    """Loads a model: as :func:`render`, whose thread has to wait for it."""

    def work() -> dict[str, Any]:
        with _turn():
            _the_renderer().load(model)
            return {"model": model, "backend": _the_renderer().backend, "rss_mb": resident_mb()}

    return _outcome(work, f"for the model {model}: close other programs")


def _outcome(work: Callable[[], dict[str, Any]], too_much: str) -> tuple[int, str]:
    wait_passively()
    try:
        return _DONE, json.dumps(work())
    except _AbortedError:
        return _ABORTED, ""
    except (UserError, FrameRefusedError) as error:
        return _FAILED, str(error)
    except MemoryError:
        return _FAILED, f"there is not enough memory {too_much}"
    except Exception:
        log.exception("the embedded engine failed")
        return _FAILED, "the LumaFlux engine failed inside this host: unset LUMAFLUX_EMBED and start the host again"


@contextmanager
def _turn(waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """One thread of the host at a time; ``waiting`` is called while another has its turn, and may raise."""
    while not _lock.acquire(timeout=0.03):
        waiting()
    try:
        yield
    finally:
        _lock.release()


def _parameters(packed: bytes) -> RenderParameters:
    values: dict[str, Any] = msgpack.unpackb(packed, raw=False, strict_map_key=True)
    return parse_parameters(values)


def _analyses() -> ClientAnalyses:
    if not hasattr(_of_thread, "analyses"):
        _of_thread.analyses = ClientAnalyses(_the_renderer())
    return _of_thread.analyses


def _the_renderer() -> Renderer:
    global _renderer
    if _renderer is None:
        _renderer = Renderer()
    return _renderer
