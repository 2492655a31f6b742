"""The frames of a clip over several devices, whose results come in the order of the frames."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from lumaflux.errors import UserError
from lumaflux.render.device_pool import DevicePool

if TYPE_CHECKING:
    from lumaflux.render.frame_renderer import FrameRenderer

Result = TypeVar("Result")
Frame = TypeVar("Frame")


class Spread(Generic[Frame, Result]):
    """Frames of a clip over the devices of ``renderer``'s converter. ``render`` makes one of them.

    Raises UserError for what is found of several frames in their order.
    """

    def __init__(self, renderer: "FrameRenderer", render: "Callable[[FrameRenderer, Frame], Result]"):
        if renderer.blending is not None or renderer.mask is not None:
            raise UserError("--also-on goes without --motion-blending and --mask; leave out the one or the other")
        self._pool = DevicePool([renderer.converter, *renderer.converter.others])
        self._renderer, self._render = renderer, render
        self._pending: deque[Future[Result]] = deque()

    def after(self, frame: Frame) -> Iterator[Result]:
        """Gives ``frame`` to a device; the results that are due, so that no more frames wait than there are devices."""
        self._pending.append(self._pool.submit(lambda one: self._render(replace(self._renderer, converter=one), frame)))
        while len(self._pending) > len(self._pool):
            yield self._pending.popleft().result()

    def rest(self) -> Iterator[Result]:
        """The results that are still to come."""
        while self._pending:
            yield self._pending.popleft().result()

    def close(self) -> None:
        self._pool.close()
