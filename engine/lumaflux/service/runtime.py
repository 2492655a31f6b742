"""Where worker and clients meet: a directory of the user's own with socket, token, lock, process id and log."""

import os
import secrets
import socket
import stat
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.file_lock import lock

_LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path of Linux, without the final zero


@dataclass(frozen=True, kw_only=True)
class RuntimeDirectory:
    """The paths below ``<root>/lumaflux-<uid>``."""

    path: Path

    @property
    def socket(self) -> Path:
        return self.path / "engine.sock"

    @property
    def token(self) -> Path:
        return self.path / "engine.token"

    @property
    def pid(self) -> Path:
        return self.path / "engine.pid"

    @property
    def lock(self) -> Path:
        return self.path / "engine.lock"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"


def pipe_name(user: str) -> str:
    """The named pipe that takes the socket's place on Windows, where no worker has run yet."""
    return rf"\\.\pipe\lumaflux-{user}-engine"


def runtime_root() -> Path:
    """LUMAFLUX_RUNTIME_DIR if it is an absolute path, else XDG_RUNTIME_DIR if that is a directory that is there (in
    containers and under `su` it often is not), else /tmp. The effect chooses the same."""
    if os.path.isabs(named := os.environ.get("LUMAFLUX_RUNTIME_DIR", "")):
        return Path(named)
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(session) if os.path.isabs(session) and os.path.isdir(session) else Path("/tmp")


def open_runtime_directory(root: Path | None = None) -> RuntimeDirectory:
    """The user's directory, made when missing. Raises UserError when others could reach it or it cannot be made."""
    if sys.platform != "linux" or not hasattr(socket, "AF_UNIX"):
        raise UserError(f"the engine's worker runs on Linux; on {sys.platform} use the lumaflux command")
    path = (root or runtime_root()) / f"lumaflux-{os.geteuid()}"
    advice = "set LUMAFLUX_RUNTIME_DIR to a directory that you may write to"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be made ({error.strerror}); {advice}") from None
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise UserError(f"{path} can be reached by others; remove it, or give it mode 0700 and your own user")
    found = RuntimeDirectory(path=path)
    if len(os.fsencode(found.socket)) > _LONGEST_SOCKET_PATH:
        raise UserError(f"the path {found.socket} is too long for a socket; set LUMAFLUX_RUNTIME_DIR to a shorter one")
    return found


def write_private(path: Path, text: str) -> None:
    """A file of mode 0600, whole or not at all."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def new_token(directory: RuntimeDirectory) -> str:
    """32 random bytes as hex, written for the clients to read."""
    token = secrets.token_hex(32)
    write_private(directory.token, token)
    return token


def read_token(directory: RuntimeDirectory) -> str:
    """The token of the worker that runs, "" when there is none. Raises UserError when others could read it."""
    try:
        descriptor = os.open(directory.token, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor) as file:
        facts = os.fstat(file.fileno())
        if facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
            raise UserError(f"{directory.token} can be read by others; remove it")
        return file.read(256).strip()


def answers(directory: RuntimeDirectory) -> bool:
    """Whether somebody listens on the socket; a file that a killed worker left behind does not."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(directory.socket))
        except OSError:
            return False
        return True


def claim(directory: RuntimeDirectory, patience_s: float = 15.0) -> int | None:
    """The lock that makes this process the one worker: a descriptor to keep open, None when another one listens.

    A worker that is just leaving holds the lock without listening: waits for it. The lock ends with the process,
    so that what a killed worker left can be told from a living one. Raises UserError when the wait is in vain.
    """
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            lock(descriptor, wait=False)
            return descriptor
        except BlockingIOError:
            listens = answers(directory)
            if listens or time.monotonic() > until:
                os.close(descriptor)
                if listens:
                    return None
                raise UserError(
                    f"another engine holds {directory.lock} and does not answer; end process {running_pid(directory)}"
                ) from None
        time.sleep(0.05)


def running_pid(directory: RuntimeDirectory) -> int | None:
    """The process id that the last worker wrote; it may have ended since."""
    try:
        return int(directory.pid.read_text())
    except (OSError, ValueError):
        return None


def listen(directory: RuntimeDirectory) -> socket.socket:
    """The worker's socket, mode 0600; only with the claim, since it replaces what lies there."""
    directory.socket.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    old_mask = os.umask(0o177)
    try:
        listening.bind(os.fspath(directory.socket))
    finally:
        os.umask(old_mask)
    listening.listen(64)
    return listening


def peer(connection: socket.socket) -> tuple[int, int]:
    """Process id and user id of the other end, as the kernel knows them (SO_PEERCRED, unix(7))."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def trusted(uid: int) -> bool:
    """Only the worker's own user may speak to it."""
    return uid == os.geteuid()
