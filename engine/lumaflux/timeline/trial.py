"""Reads a timeline's file in a process of its own first: OpenTimelineIO's reader is C++, and some files end it (version
0 of a schema, as in "Clip.0", does), which no exception says."""

import contextlib
import faulthandler
import os
import resource
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

from lumaflux.errors import UserError

_SECONDS = 120  # an hour's reel of many effects takes a second


def refuse_what_ends_the_reader(path: Path, read: Callable[[], object]) -> None:
    """``read`` is called in a forked process; what it raises there is for the caller's own call to say.

    Raises UserError where the process ends by a signal.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads beside a fork: the child runs none of theirs
        child = os.fork()
    if child == 0:
        _try(read)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        why = f"takes it longer than {_SECONDS} s" if name == "SIGALRM" else f"ends it ({name})"
        raise UserError(f"{path} is no timeline that OpenTimelineIO can read: it {why}; export it anew.")


def _try(read: Callable[[], object]) -> None:
    """Says nothing, leaves no core behind, and does not come back."""
    with contextlib.suppress(BaseException):
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(_SECONDS)
        quiet = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        read()
    os._exit(0)
