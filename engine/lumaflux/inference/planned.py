"""A converter that goes on when its device runs out of memory: once, with every block kept on the host."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

from lumaflux.backends.offload import OffloadingBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.memory_plan import MemoryPlan

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def _again(method: Callable[P, R]) -> Callable[P, R]:
    """Calls ``method`` a second time, with less memory, where the first one ran out of it."""

    @wraps(method)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except torch.OutOfMemoryError:
            pass  # outside of the handler, which would keep what the failed call held alive
        args[0]._keep_fewer()  # pyright: ignore
        try:
            return method(*args, **kwargs)
        except torch.OutOfMemoryError:
            raise args[0]._too_little() from None  # pyright: ignore

    return tried


class PlannedConverter(Converter):
    """``Converter`` of a network by a memory plan; the second plan gives the same pixels as the first."""

    backend: OffloadingBackend

    def __init__(self, backend: OffloadingBackend, plan: MemoryPlan, *, tile: str | int = "auto"):
        super().__init__(backend, tile=tile, key_batch=plan.key_batch)
        self.plan = plan

    def _keep_fewer(self) -> None:
        if not self.backend.keep_fewer():
            raise self._too_little()
        log.warning(
            "%s is out of memory; all blocks are kept on the host from now on, which is slower", self.plan.model
        )

    def _too_little(self) -> UserError:
        return UserError(
            f"{self.backend.device} is out of memory with every block of {self.plan.model} on the host; "
            "name less than it has with --vram, so that a smaller working size is chosen"
        )

    def convert(self, *args: Any, **kwargs: Any) -> Any:
        return _CONVERT(self, *args, **kwargs)

    def tone_of(self, *args: Any, **kwargs: Any) -> Any:
        return _TONE_OF(self, *args, **kwargs)

    def light_timed(self, *args: Any, **kwargs: Any) -> Any:
        return _LIGHT_TIMED(self, *args, **kwargs)

    def render_timed(self, *args: Any, **kwargs: Any) -> Any:
        return _RENDER_TIMED(self, *args, **kwargs)


_CONVERT = _again(Converter.convert)
_TONE_OF = _again(Converter.tone_of)
_LIGHT_TIMED = _again(Converter.light_timed)
_RENDER_TIMED = _again(Converter.render_timed)
