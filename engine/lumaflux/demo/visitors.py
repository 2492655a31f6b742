"""Who is on the page: a private folder and a cancel flag each, gone when the visitor leaves or is idle too long."""

import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Visitor:
    folder: Path
    canceled: threading.Event = field(default_factory=threading.Event)
    seen: float = field(default_factory=time.monotonic)
    busy: bool = False


class Visitors:
    """Folders lie below ``root``; those of visitors that were idle for ``idle`` seconds are removed."""

    def __init__(self, root: Path, idle: float = 1800.0):
        self.root, self.idle = root, idle
        self._lock = threading.Lock()
        self._there: dict[str, Visitor] = {}

    def begin(self, key: str) -> Visitor:
        """The visitor, whose earlier conversion counts as canceled."""
        self.remove_idle()
        with self._lock:
            before = self._there.get(key)
            if before is not None:
                before.canceled.set()
            visitor = Visitor(self.root / secrets.token_hex(16) if before is None else before.folder)
            visitor.busy = True
            self._there[key] = visitor
        return visitor

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
        if visitor is not None:
            visitor.canceled.set()
            shutil.rmtree(visitor.folder, ignore_errors=True)

    def remove_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            gone = [key for key, one in self._there.items() if not one.busy and now - one.seen > self.idle]
        for key in gone:
            self.leave(key)

    def __len__(self) -> int:
        return len(self._there)
