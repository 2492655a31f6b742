"""Who is on the page: private folders, uploads and a cancel flag each, gone when the visitor leaves or is idle too
long."""

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_RESULTS = "results"


@dataclass
class Visitor:
    """``folder`` is of the conversion in hand or the last one."""

    folder: Path
    uploads: set[Path] = field(default_factory=set)
    canceled: threading.Event = field(default_factory=threading.Event)
    seen: float = field(default_factory=time.monotonic)
    busy: bool = False


class Visitors:
    """What lies below ``root``: results of each visitor in folders that nobody can guess, and their uploads, which the
    page put there. What is of nobody, or of one who was idle for ``idle`` seconds, is removed by :meth:`sweep`."""

    def __init__(self, root: Path, idle: float = 1800.0):
        self.root, self.idle = root.resolve(), idle
        self._lock = threading.Lock()
        self._there: dict[str, Visitor] = {}
        self._uploads: dict[Path, Path] = {}  # and Gradio's name of the same file

    def begin(self, key: str) -> Visitor:
        """The visitor with a new folder, whose earlier conversion counts as canceled, its results as gone."""
        with self._lock:
            before = self._there.get(key)
            visitor = Visitor(self.root / _RESULTS / secrets.token_hex(16), busy=True)
            self._there[key] = visitor
            if before is not None:
                before.canceled.set()
                visitor.uploads = before.uploads
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)
        return visitor

    def take(self, upload: Path) -> Path:
        """The same file under a name that is this upload's alone: Gradio names uploads by their contents, and one
        visitor's would go with another's."""
        own = self.root / f"upload-{secrets.token_hex(16)}" / upload.name
        own.parent.mkdir(mode=0o700)
        os.link(upload, own)
        with self._lock:
            self._uploads[own] = upload
        return own

    def is_upload(self, named: object) -> bool:
        """Whether it is the path of a file that was uploaded and is still here."""
        return isinstance(named, str | Path) and Path(named) in self._uploads and Path(named).is_file()

    def hold(self, key: str, upload: Path) -> None:
        """The upload is this visitor's, and goes with them."""
        with self._lock:
            visitor = self._there.setdefault(key, Visitor(self.root / _RESULTS / secrets.token_hex(16)))
            visitor.uploads.add(upload)
            visitor.seen = time.monotonic()

    def end(self, key: str) -> None:
        """The conversion is over; what it wrote stays for download."""
        with self._lock:
            if (visitor := self._there.get(key)) is not None:
                visitor.busy, visitor.seen = False, time.monotonic()

    def cancel(self, key: str) -> None:
        with self._lock:
            if (visitor := self._there.get(key)) is not None:
                visitor.canceled.set()

    def leave(self, key: str) -> None:
        """The visitor closed the page: work ends, files are deleted."""
        with self._lock:
            visitor = self._there.pop(key, None)
            if visitor is None:
                return
            visitor.canceled.set()
            for upload in visitor.uploads:
                self._remove(upload)
        shutil.rmtree(visitor.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what is of visitors that are idle too long, and files that are nobody's and as old."""
        now = time.monotonic()
        with self._lock:
            gone = [key for key, one in self._there.items() if not one.busy and now - one.seen > self.idle]
        for key in gone:
            self.leave(key)
        results, oldest = self.root / _RESULTS, time.time() - self.idle
        for file in [path for path in self.root.rglob("*") if path.is_file() and not path.is_relative_to(results)]:
            with contextlib.suppress(FileNotFoundError), self._lock:
                if file not in self._held() and file.stat().st_ctime < oldest:
                    self._remove(file)

    @contextlib.contextmanager
    def swept(self, every: float) -> Iterator[None]:
        """Meanwhile :meth:`sweep` runs every so many seconds, in a thread of its own."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(every):
                self.sweep()

        thread = threading.Thread(target=run, name="demo-sweep", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _held(self) -> set[Path]:
        return set().union(*(visitor.uploads for visitor in self._there.values()))

    def _remove(self, file: Path) -> None:
        """And its folder, and the name by its contents, unless another upload has that now."""
        named = self._uploads.pop(file, None)
        for path in (file,) if named is None or not _same(file, named) else (file, named):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def __len__(self) -> int:
        return len(self._there)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False
