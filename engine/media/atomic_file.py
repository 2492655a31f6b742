"""A file that gets its name only when it is whole: written beside the target under a hidden name, then renamed."""

import contextlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import UserError


class AtomicFile:
    """Context manager around ``partial``, the hidden file that becomes ``target`` when the block ends well.

    ``scratch`` is a second hidden name, for what is needed on the way. Entering creates the empty partial file, so a
    target that cannot be written is known before any work.
    Raises UserError when the target exists (unless ``overwrite``), is a directory, is one of ``sources``, or when its
    directory is missing or not writable.
    """

    def __init__(self, target: str | os.PathLike, *, overwrite: bool = False, sources: tuple = ()):
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
        self.partial = folder / f".{self.target.name}.{secrets.token_hex(4)}.partial"
        self.scratch = self.partial.with_suffix(".scratch")

    def _refuse_existing(self) -> None:
        if self.target.exists() and not self.overwrite:
            raise UserError(f"{self.target} exists already; remove it, or allow overwriting (-y).")

    def create(self) -> None:
        """Make the empty partial file; raises UserError where the directory does not allow it."""
        try:
            os.close(os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except OSError as error:
            raise UserError(
                f"{self.target} cannot be written: {error.strerror}; choose a directory you may write to."
            ) from error

    def commit(self) -> None:
        """Give the partial file its name; raises UserError when somebody else took the name meanwhile."""
        self._refuse_existing()
        os.replace(self.partial, self.target)

    def discard(self) -> None:
        """Remove the partial file and the scratch file, if they are there."""
        for path in (self.partial, self.scratch):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def __enter__(self) -> Self:
        self.create()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()
