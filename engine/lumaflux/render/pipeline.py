"""Decode, render and encode in three threads with short queues between them: nothing grows with the clip.

decoder --queue--> render (the caller's thread) --queue--> encoder
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_ROOM = 2  # frames in each queue
_PATIENCE = 0.1  # seconds between looks at whether the other side still lives


class _End:
    """Comes after the last item, with what went wrong if something did."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


class Prefetched(Generic[Item]):
    """Iterates over ``items`` produced in a thread of its own; what they raise is raised here, in its place.

    ``seconds`` is the time spent in producing. :meth:`close` ends the thread and waits for it.
    """

    def __init__(self, items: Iterator[Item]):
        self.seconds = 0.0
        self._items = items
        self._queue: queue.Queue[Item | _End] = queue.Queue(_ROOM)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="decoder", daemon=True)
        self._thread.start()

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            while not self._stop.is_set():
                start = time.perf_counter()
                item = next(self._items, _End())
                self.seconds += time.perf_counter() - start
                if isinstance(item, _End):
                    break
                _put(self._queue, item, self._stop)
        except BaseException as raised:
            error = raised
        _put(self._queue, _End(error), self._stop)

    def __iter__(self) -> Iterator[Item]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        if isinstance(self._items, Generator):
            self._items.close()


class Consumer(Generic[Item]):
    """Hands items to ``take`` in a thread of its own, in order. What it raises is raised by the next ``put``.

    ``seconds`` is the time spent in taking. :meth:`finish` waits until all is taken; :meth:`close` drops the rest.
    """

    def __init__(self, take: Callable[[Item], None]):
        self.seconds = 0.0
        self._take = take
        self._queue: queue.Queue[Item | _End] = queue.Queue(_ROOM)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._consume, name="encoder", daemon=True)
        self._thread.start()

    def _consume(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=_PATIENCE)
            except queue.Empty:
                if self._stop.is_set():
                    return
                continue
            if isinstance(item, _End):
                return
            start = time.perf_counter()
            try:
                self._take(item)
            except BaseException as error:
                self._error = error
                self._stop.set()
                return
            finally:
                self.seconds += time.perf_counter() - start

    def put(self, item: Item) -> None:
        _put(self._queue, item, self._stop)
        self._raise()

    @property
    def failed(self) -> bool:
        """Whether nothing more is taken, because taking raised."""
        return self._error is not None

    @property
    def starves(self) -> bool:
        """Whether no item waits to be taken; the last one may still be in the taker's hands."""
        return self._queue.empty()

    def finish(self) -> None:
        _put(self._queue, _End(), self._stop)
        self._thread.join()
        self._raise()

    def close(self) -> None:
        self._stop.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def _put(target: "queue.Queue[Item | _End]", item: "Item | _End", stop: threading.Event) -> None:
    """Waits for room, unless nobody will make any."""
    while not stop.is_set():
        try:
            target.put(item, timeout=_PATIENCE)
            return
        except queue.Full:
            continue
