"""A tone track that grows while the first of its shots are rendered: the pass that finds it has threads of its own, one
for the frames and one for the keys among them.

Its shots are those of the whole track, bit for bit: one is told when nothing that comes can change it any more.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError
from lumaflux.render.analysis import ClipAnalysis
from lumaflux.render.job import Progress

if TYPE_CHECKING:
    from lumaflux.inference.tone_track import Shot
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame

Frames = Callable[[Progress], "Generator[SdrFrame | CodedFrame, None, None]"]
_PATIENCE = 0.1  # seconds between looks at whether the user has ended the work


class GrowingTrack:
    """``frames``: one pass over the clip ``name``, which tells its progress. ``close`` ends the thread."""

    def __init__(self, frames: Frames, analysis: ClipAnalysis, name: str):
        self.shots: list[Shot] = []
        self._firsts: list[int] = []
        self._frames, self._analysis, self._name = frames, analysis, name
        self._keys = analysis.beside = ThreadPoolExecutor(1, "keys")
        self._done: tuple[int, int | None] = (0, None)
        self._whole = self._closed = False
        self._error: BaseException | None = None
        self._news = threading.Condition()
        self.ended = 0.0  # on the clock of time.perf_counter
        self._thread = threading.Thread(target=self._find, name="analysis", daemon=True)
        self._thread.start()

    def _find(self) -> None:
        try:
            self._see_all()
        except BaseException as error:  # raised where its shots are waited for
            with self._news:
                self._error = error
                self._news.notify_all()
        finally:
            self._keys.shutdown(cancel_futures=True)
            self.ended = time.perf_counter()

    def _see_all(self) -> None:
        with closing(self._frames(self._note)) as frames:
            for frame in frames:
                if self._closed:
                    return
                self._analysis.see_frame(frame)
                self._tell(self._analysis.known_shots())
        if not self._analysis.frames:
            raise UserError(f"{self._name} holds no frames; there is nothing to analyze")
        self._tell(self._analysis.shots(), whole=True)

    def _note(self, done: int, total: int | None) -> None:
        self._done = done, total

    def _tell(self, shots: "list[Shot]", *, whole: bool = False) -> None:
        if not shots and not whole:
            return
        with self._news:
            self.shots += shots
            self._firsts += [shot.first for shot in shots]
            self._whole = whole
            self._news.notify_all()

    def seen(self) -> str:
        """How far the pass has come, for whoever waits for it."""
        done, total = self._done
        return f"{done} of {total or '?'} frames looked at"

    def wait_for_first(self, progress: Progress) -> None:
        """Until a shot is known. ``progress`` of the pass is told meanwhile; what it raises ends the waiting."""
        while not self.wait_for(0, lambda: True):
            progress(*self._done)
        progress(*self._done)

    def wait_for(self, frame: int, ended: Callable[[], bool] = lambda: False) -> bool:
        """Until the shot of a frame is known; False if ``ended`` comes first.

        Raises what ended the pass: at once, or, of a frame that cannot be read, where the known shots end.
        """
        with self._news:
            if self._error is not None and not isinstance(self._error, FrameError):
                raise self._error
            while not (self._whole or (self.shots and frame <= self.shots[-1].last)):
                if self._error is not None:
                    raise self._error
                self._news.wait(_PATIENCE)
                if ended():
                    return False
        return True

    def shot_of(self, frame: int) -> "Shot":
        """Waits for it. Frames beyond the end belong to the last shot, as in a ToneTrack."""
        self.wait_for(frame)
        return self.shots[max(0, bisect_right(self._firsts, frame) - 1)]

    def close(self) -> None:
        """Ends the thread, after the frame in hand, and waits for it."""
        self._closed = True
        self._thread.join()
