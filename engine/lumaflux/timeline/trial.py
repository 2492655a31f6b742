"""Finds the timelines that would end the process that reads them, which no exception says.

OpenTimelineIO's reader is C++. It calls itself for every level until the stack is full, so levels are counted before.
Other files end it, too (version 0 of a schema, as in "Clip.0", does), so a process of its own reads a file first.
"""

import contextlib
import faulthandler
import os
import re
import signal
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lumaflux.errors import UserError

_SECONDS = 120  # an hour's reel of many effects takes a second
_LONG = f"takes it longer than {_SECONDS} s"
DEEPEST = 400  # braces and brackets within each other; a stack in a stack takes two
_INSIDE = "content.otio"  # of an .otioz or an .otiod
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]+|[\]}]+', re.DOTALL)
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


def refuse_deep_nesting(path: Path) -> None:
    """Raises UserError for a file that is nested deeper than DEEPEST. What is no such file is for the reader to say."""
    depth = 0
    for token in _tokens(path):
        if token.startswith(b'"'):
            continue
        depth += len(token) if token[:1] in b"[{" else -len(token)
        if depth > DEEPEST:
            raise UserError(f"{path} nests deeper than {DEEPEST} levels; flatten its compound clips and export anew.")


def _tokens(path: Path) -> Iterator[bytes]:
    try:
        if path.suffix.lower() == ".otioz":
            with zipfile.ZipFile(path) as archive:
                text = archive.read(_INSIDE)
        else:
            text = (path / _INSIDE if path.is_dir() else path).read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile):
        return
    yield from (found.group() for found in _TOKENS.finditer(text))
