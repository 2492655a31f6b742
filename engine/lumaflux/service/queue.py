"""Work for the one rendering thread: what a person waits for first, then final frames, then thumbnails."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

Priority = Literal["interactive", "final", "thumbnail"]
_ORDER: dict[str, int] = {"interactive": 0, "final": 1, "thumbnail": 2}


class CancelledError(Exception):
    """Nobody wants the job any more."""


class QueueFullError(Exception):
    """More waits than the queue holds."""


class QueueClosedError(Exception):
    """No further work is taken."""


class Job:
    """``work`` runs in the rendering thread and may call ``check``; ``finish`` is told of result or exception there."""

    def __init__(
        self,
        work: Callable[["Job"], Any],
        finish: Callable[[Any, BaseException | None], None],
        priority: Priority = "final",
    ):
        self.work, self.finish, self.priority = work, finish, priority
        self.cancelled_at: float | None = None  # by time.monotonic

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None

    def cancel(self) -> None:
        """A running job ends at its next ``check``; a waiting one when the queue is told."""
        if self.cancelled_at is None:
            self.cancelled_at = time.monotonic()

    def check(self) -> None:
        """Raises CancelledError when somebody cancelled the job."""
        if self.cancelled:
            raise CancelledError


class JobQueue:
    """Safe for all threads. Within a priority, first come is first served."""

    def __init__(self, capacity: int = 256):
        self.capacity = capacity
        self._waiting: list[tuple[int, int, Job]] = []
        self._running: Job | None = None
        self._arrivals = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        """Raises QueueFullError or QueueClosedError."""
        with self._changed:
            if self._closed:
                raise QueueClosedError
            if len(self._waiting) >= self.capacity:
                raise QueueFullError
            heapq.heappush(self._waiting, (_ORDER[job.priority], next(self._arrivals), job))
            self._changed.notify()

    def run_next(self, timeout_s: float | None = None) -> bool:
        """Runs the next job in this thread, waiting for one; False when none came or the queue is closed and empty."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s) or not self._waiting:
                return False
            self._running = job = heapq.heappop(self._waiting)[2]
        try:
            job.check()
            result, failure = job.work(job), None
        except BaseException as raised:
            result, failure = None, raised
        try:
            job.finish(result, failure)
        finally:
            with self._changed:
                self._running = None
        return True

    def cancel(self, job: Job) -> None:
        """Ends a job wherever it is; its ``finish`` gets CancelledError. One that is done stays so."""
        job.cancel()
        with self._changed:
            kept = [entry for entry in self._waiting if entry[2] is not job]
            waited = len(kept) < len(self._waiting)
            self._waiting = kept
            heapq.heapify(self._waiting)
        if waited:
            job.finish(None, CancelledError())

    def close(self, *, drop: bool = False) -> None:
        """Takes no more work; with ``drop``, cancels what runs and ends what waits by QueueClosedError."""
        with self._changed:
            self._closed = True
            dropped = [entry[2] for entry in self._waiting] if drop else []
            if drop:
                self._waiting = []
                if self._running is not None:
                    self._running.cancel()
            self._changed.notify_all()
        for job in dropped:
            job.finish(None, QueueClosedError())

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def busy(self) -> bool:
        return self._running is not None

    @property
    def hangs_s(self) -> float:
        """For how long what runs has not ended although it was cancelled; 0 when nothing is so."""
        running = self._running
        return 0.0 if running is None or running.cancelled_at is None else time.monotonic() - running.cancelled_at

    @property
    def waiting(self) -> int:
        return len(self._waiting)
