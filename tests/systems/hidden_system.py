"""Runs `lumaflux` as on a system that lacks what Linux has: python hidden_system.py SYSTEM ARGUMENT...

With a .py file as its first argument it runs that. The engine's own modules see `os`, `signal` and `socket` without
what SYSTEM does not have, and cannot import modules that it does not have. Other packages see this machine as it is:
theirs for that system are not these. /proc and /dev/shm are nowhere.
"""

import builtins
import errno
import pathlib
import runpy
import struct
import sys
import types
from typing import Any

MODULES = {
    "windows": {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "_posixshmem"},
    "macos": set(),
}
_UNIX_OS = (
    "fork forkpty getuid geteuid getgid getegid getpgid killpg setsid sysconf statvfs getloadavg mkfifo chown fchmod "
    "nice uname WIFSIGNALED WTERMSIG openpty O_NONBLOCK O_CLOEXEC O_NOCTTY O_NOFOLLOW O_DIRECTORY pread pwrite "
    "preadv pwritev posix_fallocate"
)
_LINUX_OS = "posix_fallocate sched_getaffinity sched_setaffinity memfd_create pidfd_open eventfd"
NAMES = {
    "windows": {
        "os": {*_UNIX_OS.split(), *_LINUX_OS.split()},
        "signal": {"SIGHUP", "SIGKILL", "SIGALRM", "SIGUSR1", "SIGCHLD", "SIGPIPE", "alarm", "setitimer", "sigwait"},
        "socket": {"AF_UNIX", "SO_PEERCRED", "SCM_RIGHTS"},
    },
    "macos": {"os": set(_LINUX_OS.split()), "signal": set(), "socket": {"SO_PEERCRED"}},
}


class _Less(types.ModuleType):
    """A module without some of its names."""

    def __init__(self, whole, without):
        super().__init__(whole.__name__)
        self._whole, self._without = whole, without

    def __getattr__(self, name):
        if name in self._without:
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        return getattr(self._whole, name)


def _msvcrt():
    """Windows's lock of bytes, by Linux's locks that belong to the open file as Windows's do."""
    import fcntl
    import os

    def locking(descriptor, mode, count):
        position = os.lseek(descriptor, 0, os.SEEK_CUR)
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, position, count, 0)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
        except OSError as error:
            raise OSError(errno.EACCES, "Permission denied") from error

    module: Any = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.locking = 2, locking
    return module


def _darwin_peers():
    """A peer's facts as Darwin gives them, by SO_PEERCRED."""
    import socket
    from asyncio.trsock import TransportSocket

    def getsockopt(self, level, option, size=0):
        if level == 0 and option in (1, 2):
            pid, uid, _ = struct.unpack("3i", self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            return pid if option == 2 else struct.pack("=IIhxx16I", 0, uid, 1, *[0] * 16)
        return self._sock.getsockopt(level, option, size)

    TransportSocket.getsockopt = getsockopt  # pyright: ignore[reportAttributeAccessIssue] (as another system has it)


def hide(system):
    """From now on what is imported by the engine sees ``system``."""
    whole = builtins.__import__
    less = {name: _Less(whole(name), without) for name, without in NAMES[system].items()}
    if system == "windows":
        less["msvcrt"] = _msvcrt()
    else:
        _darwin_peers()

    def narrowed(name, globals=None, locals=None, fromlist=(), level=0):
        asking = (globals or {}).get("__name__", "").split(".")[0]
        if asking in ("lumaflux", "export") and not level:
            if name in MODULES[system]:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)
            if name in less:
                return less[name]
        return whole(name, globals, locals, fromlist, level)

    builtins.__import__ = narrowed
    for name in ("exists", "is_dir", "is_file"):
        _hide_folders(name)


def _hide_folders(name):
    before = getattr(pathlib.Path, name)

    def without(self, *arguments, **named):
        return not str(self).startswith(("/proc", "/dev/shm")) and before(self, *arguments, **named)

    setattr(pathlib.Path, name, without)


if __name__ == "__main__":
    hide(sys.argv[1])
    sys.argv = sys.argv[2:]
    if sys.argv and sys.argv[0].endswith(".py"):
        # Its `import os` is to be as the engine's.
        runpy.run_path(sys.argv[0], run_name="lumaflux.checks")
    else:
        sys.argv.insert(0, "lumaflux")
        from lumaflux.cli import main

        main()
