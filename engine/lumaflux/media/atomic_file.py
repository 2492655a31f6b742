"""A file that gets its name only when it is whole: written beside the target under a hidden name, then renamed."""

import atexit
import contextlib
import errno
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from lumaflux.errors import UserError
from lumaflux.file_lock import MOVES_OPEN_FILES, lock

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A signal may come between any two steps of the writers below, even within their own tidying.
_hidden: "set[AtomicFile]" = set()


@atexit.register
def _discard_what_is_hidden() -> None:
    for file in tuple(_hidden):
        file.discard()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hidden.clear)  # they are the parent's


def allow_by_umask(path: Path) -> None:
    """Gives a file the mode that a plainly created one has; libraries that make one of their own choose 0600."""
    mask = os.umask(0o077)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)


def cannot_write(target: str | os.PathLike, error: Exception) -> UserError:
    """The error for a target on which writing failed; it speaks of the disk only where the disk said so."""
    full = getattr(error, "errno", None) in _NO_ROOM
    reason = getattr(error, "strerror", None) or str(error) or "no reason given"
    return UserError(f"{os.fspath(target)} cannot be written ({reason}){'; is the disk full?' if full else '.'}")


class AtomicFile:
    """Context manager around ``partial``, the hidden file that becomes ``target`` when the block ends well.

    ``scratch`` is a second hidden name, for what is needed on the way. Entering creates the empty partial file, so a
    target that cannot be written is known before any work. ``exclusive`` lets one writer at a time work on a target:
    the partial file has one name for all of them and is locked.
    Raises UserError when the target exists (unless ``overwrite``), is a directory, is one of ``sources``, is being
    written by another (``exclusive``), or when its directory is missing or not writable; and when the block found no
    room on the disk.
    """

    def __init__(
        self, target: str | os.PathLike, *, overwrite: bool = False, sources: tuple = (), exclusive: bool = False
    ):
        self.target = Path(target)
        self.overwrite = overwrite
        folder = self.target.parent
        if self.target.is_dir():
            raise UserError(f"{self.target} is a directory; name a file to write.")
        for source in sources:
            if self.target.exists() and self.target.samefile(source):
                raise UserError(f"{self.target} is the input itself; choose another name for the output.")
        self._refuse_existing()
        if not folder.is_dir():
            raise UserError(f"{self.target} cannot be written: there is no directory {folder}; create it first.")
        own = "" if exclusive else f".{secrets.token_hex(4)}"
        self.partial = folder / f".{self.target.name}{own}.partial"
        self.scratch = self.partial.with_suffix(".scratch")
        self._exclusive = exclusive
        self._lock: int | None = None
        self._lock_path = self.partial if MOVES_OPEN_FILES else self.partial.with_suffix(".lock")

    def _refuse_existing(self) -> None:
        if self.target.exists() and not self.overwrite:
            raise UserError(f"{self.target} exists already; remove it, or allow overwriting (-y).")

    def create(self) -> None:
        """Make the empty partial file; raises UserError where the directory does not allow it."""
        _hidden.add(self)
        try:
            if self._exclusive:
                self._lock_partial()
            else:
                os.close(os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except OSError as error:
            _hidden.discard(self)
            if isinstance(error, BlockingIOError):
                raise UserError(f"{self.target} is being written by another run; wait for its end.") from error
            raise UserError(
                f"{self.target} cannot be written: {error.strerror}; choose a directory you may write to."
            ) from error

    def _lock_partial(self) -> None:
        """Takes the partial file's lock; what a killed run has left is cut off. Raises BlockingIOError when held."""
        while True:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                lock(descriptor, wait=False)
                with contextlib.suppress(FileNotFoundError):
                    # Not renamed before it was locked.
                    if os.path.samestat(os.fstat(descriptor), os.stat(self._lock_path)):
                        self._lock = descriptor
                        os.close(os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))
                        return
            finally:
                if self._lock is None:
                    os.close(descriptor)

    def early_name(self) -> Path:
        """Of what was finished of it when the work ended early."""
        return self.target.with_name(f"{self.target.stem}.partial{self.target.suffix}")

    def commit(self, name: Path | None = None) -> None:
        """Give the partial file its name, or ``name``; raises UserError when somebody took the name meanwhile."""
        if name is None:
            self._refuse_existing()
        try:
            os.replace(self.partial, name or self.target)
        except PermissionError as error:  # Windows, where another program has the target open
            raise cannot_write(name or self.target, error) from error

    def discard(self) -> None:
        """Remove the partial file and the scratch file, if they are there; only what is this writer's own."""
        if not self._exclusive or self._lock is not None:
            for path in (self.partial, self.scratch):
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
        if self._lock is not None:
            held, self._lock = self._lock, None
            os.close(held)
            if self._lock_path != self.partial:
                with contextlib.suppress(OSError):  # another run has it already
                    self._lock_path.unlink()
        _hidden.discard(self)

    def __enter__(self) -> Self:
        self.create()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise cannot_write(self.target, error) from error
