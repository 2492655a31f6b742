"""Ctrl-C, SIGTERM and a closed terminal (SIGHUP) while frames are converted: the frame in hand is finished, then the
work ends in order."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from lumaflux.endings import ENDING


class Interruption:
    """Context manager; ``asked`` says that the work should end. A second signal ends it at once.

    Outside of the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                    self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
