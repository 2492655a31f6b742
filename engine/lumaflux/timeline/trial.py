"""Reads a timeline's file in a process of its own first: OpenTimelineIO's reader is C++, and some files end it (version
0 of a schema, as in "Clip.0", does), which no exception says."""

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from lumaflux.errors import UserError

_SECONDS = 120  # an hour's reel of many effects takes a second
_LONG = f"takes it longer than {_SECONDS} s"
# Where no process can be forked (Windows): a new interpreter reads it.
_PROGRAM = """
import contextlib, sys
import opentimelineio
with contextlib.suppress(Exception):
    opentimelineio.adapters.read_from_file(sys.argv[1])
"""


def refuse_what_ends_the_reader(path: Path, read: Callable[[], object]) -> None:
    """``read`` is called in a forked process; what it raises there is for the caller's own call to say.

    Raises UserError where the process ends by a signal.
    """
    why = _forked(read) if hasattr(os, "fork") else _in_new_interpreter(path)
    if why is not None:
        raise UserError(f"{path} is no timeline that OpenTimelineIO can read: it {why}; export it anew.")


def _forked(read: Callable[[], object]) -> str | None:
    """What happened to the process, where it did not come to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads beside a fork: the child runs none of theirs
        child = os.fork()
    if child == 0:
        _try(read)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return None
    name = signal.Signals(os.WTERMSIG(status)).name
    return _LONG if name == "SIGALRM" else f"ends it ({name})"


def _in_new_interpreter(path: Path) -> str | None:
    try:
        done = subprocess.run([sys.executable, "-c", _PROGRAM, path], capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return _LONG
    return f"ends it (code {done.returncode})" if done.returncode else None


def _try(read: Callable[[], object]) -> None:
    """Says nothing, leaves no core behind, and does not come back."""
    import resource

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
