"""What test_other_systems.py runs on a system without Linux's modules; the name is not one that pytest collects."""

import contextlib
import io
import os
import pkgutil
import re
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path

import opentimelineio as otio
import pytest

from lumaflux.cli import app
from lumaflux.endings import ENDING, Interruption, end_by_signals
from lumaflux.errors import UserError
from lumaflux.farm.opencue import _uid
from lumaflux.farm.sockets import near, unix_socket
from lumaflux.file_lock import MOVES_OPEN_FILES, lock
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.model.regular_file import read_regular
from lumaflux.timeline.trial import refuse_what_ends_the_reader

WINDOWS = not hasattr(os, "fork")
FOLDER = Path(sys.argv[1])


def helped(words, of):
    """The help of every command below."""
    for name in of:
        if name.startswith("-"):
            continue
        inner = of[name]
        if inner.default_command is None:
            helped([*words, name], inner)
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            app([*words, name, "--help"])
        assert "Usage" in out.getvalue(), [*words, name]


def refused(call, words):
    with pytest.raises((UserError, BlockingIOError), match=re.escape(words)):
        call()


def locks():
    path = FOLDER / "lock"
    with path.open("a") as first, path.open("a") as second:
        lock(first.fileno(), wait=False)
        refused(lambda: lock(second.fileno(), wait=False), "unavailable")
    with path.open("a") as third:
        lock(third.fileno(), wait=True)


def one_writer():
    target = FOLDER / "out.bin"
    with AtomicFile(target, exclusive=True) as first:
        first.partial.write_bytes(b"first")
        refused(AtomicFile(target, exclusive=True).create, "being written by another run")
    with AtomicFile(target, exclusive=True, overwrite=True) as second:
        second.partial.write_bytes(b"second")
    assert target.read_bytes() == b"second"
    assert sorted(os.listdir(FOLDER)) == ["lock", "out.bin"]
    assert read_regular(target, 100) == b"second"


def timelines():
    good, bad = FOLDER / "good.otio", FOLDER / "bad.otio"
    clip = otio.schema.Clip(name="a")
    otio.adapters.write_to_file(clip, str(good))
    bad.write_text(good.read_text().replace(f'"Clip.{clip.schema_version()}"', '"Clip.0"'))
    refuse_what_ends_the_reader(good, lambda: None)
    if WINDOWS:  # without a fork the file is read by its name
        refused(lambda: refuse_what_ends_the_reader(bad, lambda: None), "it ends it (code")


def modules():
    """Every module of the rooms that are to work everywhere can be imported."""
    import lumaflux

    for found in pkgutil.walk_packages(lumaflux.__path__, "lumaflux."):
        if found.name.startswith(("lumaflux.farm", "lumaflux.media", "lumaflux.timeline", "lumaflux.render")):
            import_module(found.name)


helped([], app)
end_by_signals()
with Interruption():
    assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
assert len(ENDING) == (2 if WINDOWS else 3)
assert _uid() == ("0" if WINDOWS else str(os.getuid()))
assert MOVES_OPEN_FILES != WINDOWS
with near(FOLDER) as short:
    assert short == str(FOLDER)
if WINDOWS:
    refused(unix_socket, "lumaflux farm frames")
    assert not hasattr(socket, "AF_UNIX")
locks()
one_writer()
timelines()
if sys.argv[2:] == ["modules"]:
    modules()
print("all")
