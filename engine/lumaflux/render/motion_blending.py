"""Which neighbours a frame's gain map is blended with: those of its shot, read by a reader of their own.

So a frame becomes the same in whatever order, part or process it is rendered, and nothing is held but small maps.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.errors import UserError
from lumaflux.options import NO_TRACK
from lumaflux.render.tones import Tones
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.inference.gain_blending import FrameGain
    from lumaflux.inference.motion import Motion

Read = Callable[[int], "np.ndarray | None"]  # the SDR picture [3,H,W] of a frame's number; None where there is none


def check_motion_blending(amount: float, settings: Settings, track: str | None) -> None:
    """Raises UserError for an amount that goes with nothing else that is asked for."""
    if amount == 0:
        return
    if track == NO_TRACK:
        raise UserError("motion blending stays inside shots, which a tone track knows; name one, or let it be found")
    if settings.detail == 0:
        raise UserError("motion blending steadies the gain map, which detail 0 does without; raise the detail")
    from lumaflux.errors import MissingExtraError
    from lumaflux.inference.motion import EXTRA, available

    if not available():
        raise MissingExtraError("OpenCV, which finds motion,", EXTRA)


class MotionBlending:
    """Gives a frame's light, blended with that of its neighbours by ``amount``.

    Each is found once where frames come in order. ``read`` is asked for rising numbers, and for lower ones where they
    do not.
    """

    def __init__(self, converter: "Converter", tones: Tones, settings: Settings, amount: float, read: Read):
        self._converter, self._tones, self._settings, self._amount, self._read = (
            converter,
            tones,
            settings,
            amount,
            read,
        )
        self._lights: dict[int, FrameGain | None] = {}
        self._motions: dict[tuple[int, int], Motion] = {}
        self.seconds: dict[str, float] = {}

    def light(self, number: int, sdr: np.ndarray) -> "FrameGain | None":
        """Of the frame of that number in the source, whose picture is ``sdr``; None at strength 0, which needs none."""
        from lumaflux.inference.gain_blending import REACH, blended

        if self._tones.at(number, self._settings)[0].strength == 0.0:
            return None
        window = self._tones.around(number, REACH)
        self._lights = {near: light for near, light in self._lights.items() if near in window}
        self._motions = {pair: found for pair, found in self._motions.items() if set(pair) <= set(window)}
        for near in window:
            if near not in self._lights:
                self._lights[near] = self._found(near, sdr if near == number else self._picture(near))
        own, place = self._lights[number], window.index(number)
        assert own is not None
        start = time.perf_counter()
        others = {}
        for at, near in enumerate(window):
            light = self._lights[near]
            if near != number and light is not None:
                others[at - place] = light, self._motion(number, near, own, light)
        made = blended(own, others, self._amount)
        self._add({"motion": time.perf_counter() - start})
        return made

    def _motion(self, number: int, near: int, own: "FrameGain", light: "FrameGain") -> "Motion":
        from lumaflux.inference.motion import motion

        if (number, near) not in self._motions:
            there, back = motion(own.reduced, light.reduced)
            self._motions |= {(number, near): there, (near, number): back}
        return self._motions[number, near]

    def _picture(self, number: int) -> np.ndarray | None:
        start = time.perf_counter()
        picture = self._read(number)
        self._add({"decode": time.perf_counter() - start})
        return picture

    def _found(self, number: int, sdr: np.ndarray | None) -> "FrameGain | None":
        if sdr is None:
            return None
        settings, tone = self._tones.at(number, self._settings)
        light, seconds = self._converter.light_timed(sdr, settings, tone=tone)
        self._add(seconds)
        return light

    def _add(self, timings: dict[str, float]) -> None:
        for name, seconds in timings.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
