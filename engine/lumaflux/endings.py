"""How a command ends: what a user can do something about is one sentence on standard error and an exit code, never a
traceback. 0 done, 1 bug, 2 bad usage or input, 3 a frame failed or memory ran out, 4 a frame is not what its
certificate says, 130 interrupted, 141 the reader of the output left."""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from cyclopts import CycloptsError

from lumaflux.errors import FrameError, ReaderLeftError, UserError

INTERRUPTED, READER_LEFT = 130, 141  # 128 and the number of SIGINT, of SIGPIPE, as shells have it
# SIGHUP, of a terminal that is closed: Windows has none.
ENDING = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_SHOWN = 120  # letters of a name
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)
_NO_MEMORY = "this machine has too little memory for that; close other programs, or give it a smaller picture"


def end_by_signals() -> None:
    """SIGTERM and a closed terminal (SIGHUP) are as Ctrl-C: clean up, then exit. What nohup ignores stays ignored."""
    for number in ENDING:
        if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def told(program: str, interrupted: str = "interrupted") -> Iterator[None]:
    """Ends the process with a sentence of ``program`` when the block does not end well."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is told here, and not when the interpreter ends
    except CycloptsError as error:
        _end(program, str(error).strip(), UserError.exit_code)
    except ReaderLeftError as error:
        _drop_output()
        _end(program, str(error), error.exit_code)
    except UserError as error:
        _end(program, str(error), error.exit_code)
    except KeyboardInterrupt as kept:
        _end(program, f"interrupted; {kept}" if str(kept) else interrupted, INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(READER_LEFT)
    except MemoryError:
        _end(program, _NO_MEMORY, FrameError.exit_code)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("lumaflux", "export"):
            raise
        missing = f"the package {error.name} is not installed; lumaflux doctor names all that are missing"
        _end(program, missing, UserError.exit_code)
    except OSError as error:
        if error.errno in _NO_NAME:
            shown = str(error.filename)
            shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
            _end(program, f"{shown} cannot be the name of a file ({error.strerror})", UserError.exit_code)
        if error.errno not in _FULL:
            raise
        _drop_output()
        _end(program, f"{error.filename or 'the output'} cannot be written ({error.strerror})", UserError.exit_code)
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        _end(program, _NO_MEMORY, FrameError.exit_code)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """torch says so by RuntimeErrors: OutOfMemoryError on a GPU, words of its allocator on the CPU."""
    return "out of memory" in str(error).lower() or "allocate memory" in str(error)


def _end(program: str, sentence: str, code: int) -> None:
    with contextlib.suppress(OSError):  # standard error may be closed too
        print(f"{program}: {sentence}", file=sys.stderr, flush=True)
    sys.exit(code)


def _drop_output() -> None:
    """What is still buffered for a reader that left would fail again when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Interruption:
    """A context manager around the conversion of frames: at Ctrl-C, SIGTERM and SIGHUP the frame in hand is finished,
    then the work ends in order. ``asked`` says that it should end. A second signal ends it at once; so does the first
    while ``at_once``, a sentence or an empty text, says that there is nothing worth finishing.

    Outside of the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self, at_once: str | None = None) -> None:
        self.asked = False
        self.at_once = at_once
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
        if self.at_once is not None:
            raise KeyboardInterrupt(self.at_once)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
