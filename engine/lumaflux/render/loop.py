"""The loop of every front end that renders more than a frame: decode, render and write in three threads.

A tone track that grows meanwhile (lumaflux.render.growing_track) has two of its own.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumaflux.media.metadata.light_levels import check_frame
from lumaflux.media.video.coded_frame import CodedFrame
from lumaflux.render.frame_renderer import FrameRenderer
from lumaflux.render.pipeline import Consumer, Prefetched
from lumaflux.render.spread import Spread

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.color.yuv420p10 import Planes
    from lumaflux.inference.inverse import Lighting
    from lumaflux.media.video.reader import SdrFrame


@dataclass(kw_only=True)
class Rendered:
    """A frame of the source and what became of it, in ``seconds``: a picture, or its ten-bit codes; its ``matte``
    [3,H,W] and ``lighting`` where they are wanted."""

    frame: "SdrFrame | CodedFrame"
    hdr_pq: "np.ndarray | None"
    planes: "Planes | None" = None
    seconds: float
    matte: "np.ndarray | None" = None
    lighting: "Lighting | None" = None


def render_frames(
    frames: "Iterator[SdrFrame | CodedFrame]",
    renderer: Callable[[], FrameRenderer],
    write: Callable[[Rendered], None],
    *,
    begun: Callable[[int], None] = lambda number: None,
    rendered: Callable[[Rendered], None] = lambda made: None,
    ended: Callable[[], bool] = lambda: False,
    waits: Callable[[str], None] = lambda what: None,
) -> dict[str, float]:
    """Renders ``frames`` in their order and hands them to ``write`` in a thread of its own; the seconds of each stage.

    ``renderer`` is asked once, when the first frame has come. ``begun`` is told of every frame before it is rendered,
    ``rendered`` of every one that is handed over; ``ended`` may end the loop after each of them, or while it waits for
    a tone; ``waits`` is told then what for, again and again. What any of them raises is raised here, after what was
    rendered before it is written; so is a frame whose light is no number.
    """
    seconds: dict[str, float] = {}
    decoder, writer, chosen = Prefetched(frames), Consumer(write), None
    devices: Spread[SdrFrame | CodedFrame, tuple[Rendered, dict[str, float]]] | _OneDevice | None = None

    def waiting_ends() -> bool:
        if chosen is not None and chosen.tones.growing is not None:
            waits(f"the tone of its shot ({chosen.tones.growing.seen()})")
        return ended() or writer.failed

    def handed_over(results: "Iterable[tuple[Rendered, dict[str, float]]]") -> bool:
        """Whether that ends the loop."""
        for made, timings in results:
            _add(seconds, timings)
            writer.put(made)
            rendered(made)
            if ended():
                return True
        return False

    try:
        for frame in decoder:
            chosen = chosen or renderer()
            if not chosen.tones.wait_for(frame.number, waiting_ends):
                break
            begun(frame.number)
            devices = devices or (Spread(chosen, _timed) if chosen.converter.others else _OneDevice(chosen, writer))
            if handed_over(devices.after(frame)):
                break
        else:
            if devices is not None:
                handed_over(devices.rest())
        writer.finish()
    except Exception:
        writer.finish()
        raise
    finally:
        if devices is not None:
            devices.close()
        decoder.close()
        writer.close()
        _add(seconds, {"decode": decoder.seconds, "encode": writer.seconds})
        _add(seconds, _of_blending(chosen))
    return seconds


def _of_blending(renderer: FrameRenderer | None) -> dict[str, float]:
    return {} if renderer is None or renderer.blending is None else renderer.blending.seconds


class _OneDevice:
    """What Spread is for several devices."""

    def __init__(self, renderer: FrameRenderer, writer: "Consumer[Rendered]"):
        self._renderer, self._writer = renderer, writer

    def after(self, frame: "SdrFrame | CodedFrame") -> "list[tuple[Rendered, dict[str, float]]]":
        return [_timed(self._renderer, frame, alone=self._writer.starves)]

    def rest(self) -> "list[tuple[Rendered, dict[str, float]]]":
        return []

    def close(self) -> None:
        pass


def _timed(
    renderer: FrameRenderer, frame: "SdrFrame | CodedFrame", *, alone: bool = False
) -> tuple[Rendered, dict[str, float]]:
    start = time.perf_counter()
    made, timings = _rendered(renderer, frame, alone=alone)
    made.seconds = time.perf_counter() - start
    return made, timings


def _rendered(
    renderer: FrameRenderer, frame: "SdrFrame | CodedFrame", *, alone: bool
) -> tuple[Rendered, dict[str, float]]:
    if isinstance(frame, CodedFrame):
        coded = renderer.render_codes(frame.number, frame.codes.planes, alone=alone)
        if coded is not None:
            mattes: list[np.ndarray] = []
            if renderer.gives_matte(frame.number):
                renderer.render(frame.number, frame.sdr, on_matte=mattes.append)
            matte = mattes[0] if mattes else None
            return Rendered(frame=frame, hdr_pq=None, planes=coded[0], seconds=0.0, matte=matte), coded[1]
    mattes = []
    on_matte = mattes.append if renderer.gives_matte(frame.number) else None
    lightings: list[Lighting] = []
    on_lighting = lightings.append if renderer.wants_lighting else None
    hdr_pq, timings = renderer.render(frame.number, frame.sdr, on_matte=on_matte, on_lighting=on_lighting)
    check_frame(hdr_pq)
    made = Rendered(
        frame=frame,
        hdr_pq=hdr_pq,
        seconds=0.0,
        matte=mattes[0] if mattes else None,
        lighting=lightings[0] if lightings else None,
    )
    return made, timings


def _add(seconds: dict[str, float], more: dict[str, float]) -> None:
    for name, value in more.items():
        seconds[name] = seconds.get(name, 0.0) + value
