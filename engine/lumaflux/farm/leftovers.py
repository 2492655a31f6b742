"""Folders in the directory for temporary files that killed runs left there: engines' own, and sessions' of the Open Job
Description. What a living process may still need stays."""

import contextlib
import json
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import psutil

from lumaflux.errors import UserError
from lumaflux.farm.engine_process import SOCKET, START
from lumaflux.farm.sockets import near, unix_socket

ENGINE = "lumaflux-farm-"  # begins the name of an engine's folder
SESSION = "lumaflux-session-"  # of a session's, before its process and a number
_SESSIONS = "OpenJD"  # where openjd-sessions makes them
_YOUNG_S = 3600.0  # an engine that still loads its model answers nobody


def remove_leftovers(root: Path | None = None) -> list[Path]:
    """Removes what nobody needs any more, and is this user's; returns it."""
    root = root or Path(tempfile.gettempdir())
    gone = [path for path in root.glob(f"{ENGINE}*") if _own_folder(path) and _engine_is_gone(path)]
    gone += [path for path in (root / _SESSIONS).glob(f"{SESSION}*") if _own_folder(path) and _session_is_gone(path)]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return gone


def _own_folder(path: Path) -> bool:
    with contextlib.suppress(OSError):
        facts = path.lstat()
        return stat.S_ISDIR(facts.st_mode) and facts.st_uid == (os.geteuid() if hasattr(os, "geteuid") else 0)
    return False


def _engine_is_gone(folder: Path) -> bool:
    """Nobody answers, and its owner on this machine is dead, or it had none and is old."""
    try:
        with near(folder) as path, unix_socket() as probe:
            probe.settimeout(1.0)
            probe.connect(f"{path}/{SOCKET}")
            return False
    except (OSError, UserError):
        pass
    try:
        owner = json.loads((folder / START).read_text("utf-8")).get("owner")
    except (OSError, ValueError, AttributeError):
        owner = None
    if owner is not None:
        return not _lives(owner)
    with contextlib.suppress(OSError):
        return time.time() - folder.stat().st_mtime > _YOUNG_S
    return False


def _session_is_gone(folder: Path) -> bool:
    pid = folder.name.removeprefix(SESSION).partition("-")[0]
    return pid.isdecimal() and not _lives(int(pid))


def _lives(pid: int) -> bool:
    try:
        return psutil.pid_exists(pid)
    except OverflowError:
        return False
