"""Spreads tasks over worker processes; what each finishes comes back at once, whatever becomes of the others.

A process pool of the standard library neither tells which task a killed worker had, nor how far the others are.
"""

import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from lumaflux.errors import FrameError, UserError

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext


class WorkersLostError(FrameError):
    """Workers were killed from outside; the tasks that they had have no result, all others have."""


Task = TypeVar("Task")
Result = TypeVar("Result")
Step = Callable[[], None]  # called after every piece of a task
Perform = Callable[[Task, Step], Result]


def perform_all(
    make: Callable[..., Perform[Task, Result]],
    arguments: tuple,
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    threads: int | None = None,
    step: Step = lambda: None,
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, in order of completion; ``make(*arguments)`` is called once a worker.

    One worker works in this process; more are started, with ``threads`` torch threads each (None leaves torch its
    own number). Raises UserError for less than one worker, what ``make`` or a task raises, and WorkersLostError at
    the end.
    """
    if workers < 1:
        raise UserError(f"{workers} workers cannot work; take 1 or more")
    if workers == 1 or len(tasks) <= 1:
        with torch_threads(threads):
            perform = make(*arguments) if tasks else None
            for task in tasks:
                assert perform is not None
                yield task, perform(task, step)
        return
    yield from _Pool(make, arguments, threads, step).run(tasks, min(workers, len(tasks)))


@contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """Limits torch's threads inside the block; None leaves them."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Pool:
    def __init__(self, make: Callable[..., Perform], arguments: tuple, threads: int | None, step: Step):
        self._start = (make, arguments, threads)
        self._step = step
        self._at_work: dict[Connection, tuple[BaseProcess, Any]] = {}
        self._lost: list[Any] = []
        self._signals: list[int] = []

    def run(self, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, Any]]:
        waiting = deque(tasks)
        try:
            for _ in range(workers):
                self._give(*self._spawn(), waiting)
            while self._at_work:
                for pipe in wait(list(self._at_work)):
                    assert isinstance(pipe, Connection)
                    process, task = self._at_work[pipe]
                    try:
                        kind, content = pipe.recv()
                    except (EOFError, OSError):
                        self._bury(pipe)
                        continue
                    if kind == "step":
                        self._step()
                    elif kind == "result":
                        yield task, content
                        self._give(process, pipe, waiting)
                    else:
                        raise _raised(kind, content)
        finally:
            self._stop()
        if self._lost or waiting:
            left = [*self._lost, *waiting]
            raise WorkersLostError(
                f"{len(self._lost)} workers were killed (signal {', '.join(map(str, self._signals))}) while at "
                f"{'; '.join(map(str, self._lost))}; {len(left)} tasks are left: run again, with fewer --workers if "
                "memory is short"
            )

    def _spawn(self) -> tuple[BaseProcess, Any]:
        starting = _starting()
        here, there = starting.Pipe()
        process = starting.Process(target=_serve, args=(there, *self._start), daemon=True)
        process.start()
        there.close()  # the worker's death then ends the pipe
        return process, here

    def _give(self, process: BaseProcess, pipe: Connection, waiting: deque) -> None:
        task = waiting.popleft() if waiting else None
        self._at_work[pipe] = (process, task)
        with suppress(BrokenPipeError):  # its death is noticed when its answer is awaited
            pipe.send(task)
        if task is None:
            del self._at_work[pipe]
            process.join()

    def _bury(self, pipe: Connection) -> None:
        process, task = self._at_work.pop(pipe)
        process.join()
        self._lost.append(task)
        self._signals.append(-(process.exitcode or 0))

    def _stop(self) -> None:
        for process, _ in self._at_work.values():
            process.terminate()
        for process, _ in self._at_work.values():
            process.join()


def _starting() -> "ForkServerContext | SpawnContext":
    """On Linux workers are forked from a process that has imported torch and nothing else, once for all of them; never
    from this one, whose threads and devices would not follow."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    starting = multiprocessing.get_context("forkserver")
    starting.set_forkserver_preload([__name__])
    return starting


def _serve(pipe: Connection, make: Callable[..., Perform], arguments: tuple, threads: int | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    torch.set_num_threads(threads or torch.get_num_threads())
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        try:
            perform = make(*arguments)
            while (task := pipe.recv()) is not None:
                pipe.send(("result", perform(task, lambda: pipe.send(("step", None)))))
        except UserError as error:
            pipe.send((error.exit_code, str(error)))
        except (EOFError, BrokenPipeError):
            raise
        except Exception:
            pipe.send((1, traceback.format_exc()))


def _raised(code: int, message: str) -> Exception:
    if code == FrameError.exit_code:
        return FrameError(message)
    return UserError(message) if code == UserError.exit_code else RuntimeError(f"a worker failed:\n{message}")
