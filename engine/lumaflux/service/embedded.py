"""The engine inside a host's process: what the bridge library of the effect calls (docs/plugin.md)."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from lumaflux.errors import UserError
from lumaflux.service.frames import DTYPES
from lumaflux.service.machine import resident_mb
from lumaflux.service.parameters import parse_parameters
from lumaflux.service.renderer import Renderer
from lumaflux.threads import wait_passively

_DONE, _ABORTED, _FAILED = 0, 1, 2  # LumaFluxOutcome of plugin/embed/bridge.h
log = logging.getLogger(__name__)
_lock = threading.Lock()
_renderer: Renderer | None = None


class _AbortedError(Exception):
    pass


def check(packages: str) -> None:
    """Raises UserError when this process has libraries of its own where the engine needs those beside it."""
    for name in ("numpy", "torch"):
        module = sys.modules.get(name)
        place = Path(getattr(module, "__file__", None) or packages).resolve()
        if module is not None and not place.is_relative_to(Path(packages).resolve()):
            raise UserError(f"the host has loaded its own {name}")


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
    rendered it as JSON, nothing when ``aborted`` said so (asked between the steps), or a sentence for the user."""

    wait_passively()
    start = time.perf_counter()

    def on_step() -> None:
        if aborted():
            raise _AbortedError

    try:
        values: dict[str, Any] = msgpack.unpackb(parameters, raw=False, strict_map_key=True)
        chosen = parse_parameters(values)
        pixels = np.frombuffer(source, DTYPES[depth]).reshape(shape)
        out = np.frombuffer(result, DTYPES[depth]).reshape(shape)
        while not _lock.acquire(timeout=0.03):
            on_step()
        try:
            on_step()
            rendered = _the_renderer().render_frame(
                pixels, chosen, premultiplied=premultiplied, draft=draft, on_step=on_step, out=out
            )
        finally:
            _lock.release()
    except _AbortedError:
        return _ABORTED, ""
    except UserError as error:
        return _FAILED, str(error)
    except MemoryError:
        return _FAILED, "there is not enough memory for this frame: close other programs and render again"
    except Exception:
        log.exception("the embedded engine failed")
        return _FAILED, "the LumaFlux engine failed inside this host: unset LUMAFLUX_EMBED and start the host again"
    facts = {"model": chosen.model, "backend": rendered.backend, "track": rendered.track, "cached": rendered.cached}
    return _DONE, json.dumps({**facts, "seconds": time.perf_counter() - start})


def load(model: str) -> tuple[int, str]:
    """Loads a model: as :func:`render`, whose thread has to wait for it."""
    wait_passively()
    with _lock:
        try:
            _the_renderer().load(model)
        except UserError as error:
            return _FAILED, str(error)
        except MemoryError:
            return _FAILED, f"there is not enough memory for the model {model}: close other programs"
        return _DONE, json.dumps({"model": model, "backend": _the_renderer().backend, "rss_mb": resident_mb()})


def _the_renderer() -> Renderer:
    global _renderer
    if _renderer is None:
        _renderer = Renderer()
    return _renderer
