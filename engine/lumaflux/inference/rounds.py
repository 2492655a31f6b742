"""Runs several pieces of work by turns, each up to its next pause, so that all reach a point before any goes beyond."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Semaphore, Thread
from typing import Generic, TypeVar

import torch

Result = TypeVar("Result")


class _EndedError(Exception):
    """Another piece has failed."""


class Rounds(Generic[Result]):
    """One piece runs at a time, in order; ``current`` is its index. All must pause equally often."""

    def __init__(self) -> None:
        self.current = 0
        self._turns: list[Semaphore] = []
        self._failure: BaseException | None = None

    def pause(self) -> None:
        """Called inside a piece: returns when every other piece has come to its own pause."""
        mine = self.current
        self._pass_on(mine)
        self._wait(mine)

    def run(self, work: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results in order. What a piece raises ends the others and is raised here."""
        results: dict[int, Result] = {}
        self._turns = [Semaphore(0) for _ in work]
        inference = torch.is_inference_mode_enabled()

        def piece(index: int) -> None:
            try:
                with torch.inference_mode(inference):  # which is a thread's own
                    self._wait(index)
                    results[index] = work[index]()
            except _EndedError:
                pass
            except BaseException as error:
                self._failure = self._failure or error
            finally:
                self._pass_on(index)

        with ExitStack() as ended:
            for index in range(len(work)):
                thread = Thread(target=piece, args=(index,), daemon=True)
                thread.start()
                ended.callback(thread.join)
            self._turns[0].release()
        if self._failure is not None:
            raise self._failure
        return [results[index] for index in range(len(work))]

    def _wait(self, index: int) -> None:
        self._turns[index].acquire()
        self.current = index
        if self._failure is not None:
            raise _EndedError

    def _pass_on(self, index: int) -> None:
        self._turns[(index + 1) % len(self._turns)].release()
