"""Interlaced frames to whole ones: libavfilter's bwdif, one frame out for each frame in, times kept."""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any


def deinterlaced(frames: Iterable[Any], stream: Any) -> Iterator[Any]:
    """``av.VideoFrame``s of ``stream`` in its time base; progressive ones among them pass unchanged."""
    from av.error import BlockingIOError, EOFError
    from av.filter import Graph

    graph = Graph()
    first, last = graph.add_buffer(template=stream), graph.add("buffersink")
    bwdif = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    first.link_to(bwdif)
    bwdif.link_to(last)
    graph.configure()
    times: deque[tuple[int | None, int]] = deque()

    def finished() -> Iterator[Any]:
        while True:
            try:
                frame: Any = graph.pull()
            except (BlockingIOError, EOFError):
                return
            pts, duration = times.popleft() if times else (None, 0)  # the filter's own clock has two fields a frame
            frame.pts, frame.duration, frame.time_base = pts, duration, Fraction(stream.time_base)
            yield frame

    for frame in frames:
        times.append((frame.pts, frame.duration))
        graph.push(frame)
        yield from finished()
    graph.push(None)
    yield from finished()
