"""Where worker and clients meet: a directory of the user's own with socket, token, lock, process id and log.

Python has no sockets of files on Windows. There the worker listens on a port of the loopback device, which every
program of the machine can reach: who does not say the token is refused, and a worker proves itself by a second secret
that lies beside the token.
"""

import errno
import hmac
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

_SHORT, _LONG = 103, 107  # sockaddr_un.sun_path of macOS and of Linux, without the final zero
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2  # sys/un.h of Darwin
_XUCRED = struct.Struct("=IIhxx16I")  # sys/ucred.h of Darwin: version, user, number of groups, groups
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither


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


@dataclass(frozen=True, kw_only=True)
class Contact:
    """What a client needs to know of the worker that runs; ``token`` is "" when none does.

    Only where there are no sockets of files: ``port``, and ``proof``, which the worker's welcome must say.
    """

    token: str
    port: int = 0
    proof: str = ""


def has_file_sockets() -> bool:
    """Whether sockets can be files here; Windows has them, but not for Python."""
    return hasattr(socket, "AF_UNIX")


def runtime_root() -> Path:
    """LUMAFLUX_RUNTIME_DIR if it is an absolute path, else XDG_RUNTIME_DIR if that is a directory that is there (in
    containers and under `su` it often is not), else /tmp; on Windows LOCALAPPDATA in place of both. The effect chooses
    the same. Raises UserError where there is none."""
    if os.path.isabs(named := os.environ.get("LUMAFLUX_RUNTIME_DIR", "")):
        return Path(named)
    if not has_file_sockets():
        if os.path.isabs(own := os.environ.get("LOCALAPPDATA", "")):
            return Path(own)
        raise UserError("LOCALAPPDATA names no folder; set LUMAFLUX_RUNTIME_DIR to a folder of your own")
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(session) if os.path.isabs(session) and os.path.isdir(session) else Path("/tmp")


def open_runtime_directory(root: Path | None = None) -> RuntimeDirectory:
    """The user's directory, made when missing. Raises UserError when others could reach it or it cannot be made."""
    root = root or runtime_root()
    path = root / (f"lumaflux-{os.geteuid()}" if hasattr(os, "geteuid") else "lumaflux-engine")
    advice = "set LUMAFLUX_RUNTIME_DIR to a directory that you may write to"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be made ({error.strerror}); {advice}") from None
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or _reachable(facts):
        raise UserError(f"{path} can be reached by others; remove it, or give it mode 0700 and your own user")
    found = RuntimeDirectory(path=path)
    longest = _SHORT if sys.platform == "darwin" else _LONG
    if has_file_sockets() and len(os.fsencode(found.socket)) > longest:
        raise UserError(f"the path {found.socket} is too long for a socket; set LUMAFLUX_RUNTIME_DIR to a shorter one")
    return found


def write_private(path: Path, text: str) -> None:
    """A file of mode 0600, whole or not at all."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        _put(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _put(partial: Path, path: Path, patience_s: float = 2.0) -> None:
    """Renames over a file; on Windows that waits for those who just read it."""
    until = time.monotonic() + patience_s
    while True:
        try:
            os.replace(partial, path)
            return
        except PermissionError:
            if has_file_sockets() or time.monotonic() > until:
                raise
        time.sleep(0.02)


def remove(path: Path) -> None:
    """Removes a file that is there; on Windows not while somebody reads it, and the next worker writes it anew."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if has_file_sockets():
            raise


def new_contact(directory: RuntimeDirectory, port: int = 0) -> Contact:
    """32 random bytes as hex, and with a port as many for the worker to prove itself; written for clients to read."""
    contact = Contact(token=secrets.token_hex(32), port=port, proof=secrets.token_hex(32) if port else "")
    write_private(directory.token, f"{contact.token} {port} {contact.proof}" if port else contact.token)
    return contact


def read_contact(directory: RuntimeDirectory) -> Contact:
    """How to speak to the worker that runs. Raises UserError when others could read it."""
    try:
        descriptor = os.open(directory.token, os.O_RDONLY | _NO_FOLLOW)
    except OSError:
        return Contact(token="")
    with os.fdopen(descriptor) as file:
        if _reachable(os.fstat(file.fileno())):
            raise UserError(f"{directory.token} can be read by others; remove it")
        words = file.read(256).split()
    if len(words) == 3 and words[1].isdecimal():
        return Contact(token=words[0], port=int(words[1]), proof=words[2])
    return Contact(token=words[0] if words else "")


def _reachable(facts: os.stat_result) -> bool:
    """Whether a file is another's, or others may reach it. Windows has no such facts: there the folder of the user's
    own, LOCALAPPDATA, keeps others out."""
    return hasattr(os, "geteuid") and bool(facts.st_uid != os.geteuid() or facts.st_mode & 0o077)


def connect(directory: RuntimeDirectory, timeout_s: float) -> tuple[socket.socket, Contact]:
    """A connection to who listens, and what to say to them. Raises OSError where nobody does."""
    contact = Contact(token="")
    if has_file_sockets():
        connection, address = socket.socket(socket.AF_UNIX), os.fspath(directory.socket)
    else:
        contact = read_contact(directory)
        if not contact.port or not _held(directory):  # else another program may have the port of a worker that ended
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        connection, address = socket.socket(socket.AF_INET), ("127.0.0.1", contact.port)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        connection.settimeout(timeout_s)
        connection.connect(address)
        return connection, contact if contact.port else read_contact(directory)
    except (OSError, UserError):
        connection.close()
        raise


def proves(welcome: dict[str, object], contact: Contact) -> bool:
    """Whether who answers is the worker that wrote the contact; a socket of the user's own directory needs no proof."""
    return not contact.port or hmac.compare_digest(str(welcome.get("proof", "")).encode(), contact.proof.encode())


def answers(directory: RuntimeDirectory) -> bool:
    """Whether somebody listens; a socket's file that a killed worker left behind does not."""
    try:
        connect(directory, 1.0)[0].close()
    except (OSError, UserError):
        return False
    return True


def _held(directory: RuntimeDirectory) -> bool:
    """Whether a worker has the claim; one that ends lets go of it."""
    try:
        descriptor = os.open(directory.lock, os.O_RDWR | _NO_FOLLOW)
    except OSError:
        return False
    try:
        lock(descriptor, wait=False)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def claim(directory: RuntimeDirectory, patience_s: float = 15.0) -> int | None:
    """The lock that makes this process the one worker: a descriptor to keep open, None when another one listens.

    A worker that is just leaving holds the lock without listening: waits for it. The lock ends with the process,
    so that what a killed worker left can be told from a living one. Raises UserError when the wait is in vain.
    """
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
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


def door(directory: RuntimeDirectory) -> Path:
    """The file that clients find the worker by: without it, another may take its place."""
    return directory.socket if has_file_sockets() else directory.token


def open_door(directory: RuntimeDirectory) -> tuple[socket.socket, Contact]:
    """The worker's socket, and what its clients must know, written for them; only with the claim."""
    if has_file_sockets():
        contact = new_contact(directory)  # whoever connects finds it
        return listen(directory), contact
    listening = socket.socket(socket.AF_INET)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        return listening, new_contact(directory, listening.getsockname()[1])
    except OSError:
        listening.close()
        raise


def listen(directory: RuntimeDirectory) -> socket.socket:
    """The worker's socket of mode 0600, in place of what lies there."""
    directory.socket.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    old_mask = os.umask(0o177)
    try:
        listening.bind(os.fspath(directory.socket))
    finally:
        os.umask(old_mask)
    listening.listen(64)
    return listening


def peer(connection: socket.socket) -> tuple[int, int | None]:
    """Process id and user id of the other end, as the kernel knows them: SO_PEERCRED of Linux (unix(7)), LOCAL_PEERCRED
    and LOCAL_PEERPID of macOS. (0, None) where it does not, and the token alone decides."""
    if connection.family != getattr(socket, "AF_UNIX", None):
        return 0, None
    if hasattr(socket, "SO_PEERCRED"):
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return pid, uid
    uid = _XUCRED.unpack(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))[1]
    return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID), uid


def trusted(uid: int | None) -> bool:
    """Only the worker's own user may speak to it."""
    return uid is None or uid == os.geteuid()
