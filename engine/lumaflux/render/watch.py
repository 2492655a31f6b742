"""`lumaflux watch`: converts what comes into a folder, once it is whole, with one loaded model, until it is ended."""

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.render.job import Job, Progress, Report
from lumaflux.render.run import convert
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

STATUS = "lumaflux-watch.json"
_FORMAT = "lumaflux-watch"
_SETTLED = 2  # looks in a row that find a file with the same size and time
_UNFINISHED = (".part", ".partial", ".crdownload", ".tmp", ".filepart")  # names of files that others still write


@dataclass
class Entry:
    """Of one file. ``state``: waiting, converting, done or failed; ``size`` in bytes, ``changed_ns`` its time of change
    since the epoch; ``target`` is a name in the folder of results."""

    state: str
    size: int
    changed_ns: int
    target: str = ""
    frames: int = 0
    seconds: float = 0.0
    error: str = ""

    def is_of(self, size: int, changed_ns: int) -> bool:
        return (self.size, self.changed_ns) == (size, changed_ns)


class Watch:
    """Files that lie directly in ``folder`` become results in ``out``; the status file in ``out`` remembers what was
    done, so that a later run goes on. A file that changes is converted again, and so is one whose result is gone.

    Raises UserError for folders that cannot be used, one inside of the other, and options of a single source.
    """

    def __init__(
        self, folder: Path, out: Path, settings: Settings, job: Job, load_converter: "Callable[[], Converter]"
    ):
        if not folder.is_dir():
            raise UserError(f"{folder} is no directory; name the one that pictures and videos come into")
        if folder.resolve() == out.resolve() or folder.resolve() in out.resolve().parents:
            raise UserError(f"{out} lies in {folder}: results would be converted again; choose another directory")
        if job.also or job.hdr10plus is not None or job.preview is not None or job.frames is not None:
            raise UserError("--also, --preview, --frames and --hdr10plus go with one source; leave them out of a watch")
        if job.certificate is not None:
            raise UserError("a certificate is of one output; leave --certificate out of a watch")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{out} cannot be made ({error.strerror}); name a directory you may write to") from None
        self.folder, self.out, self.settings = folder, out, settings
        self._job = dataclasses.replace(job, overwrite=True)
        self._load = cache(load_converter)
        self._looks: dict[str, tuple[int, int, int]] = {}  # size, time, looks in a row
        self.entries = self._remembered()

    def look(self) -> list[Path]:
        """Files that are whole and not converted, by name; to be asked again and again, at the interval for which a
        writer may pause. Raises UserError when the folder is gone."""
        try:
            there = {entry.name: entry.stat() for entry in os.scandir(self.folder) if _is_candidate(entry)}
        except OSError as error:
            raise UserError(f"{self.folder} cannot be read ({error.strerror}); what is done stays") from None
        self.entries = {name: one for name, one in self.entries.items() if name in there or one.state == "done"}
        ready = []
        for name, facts in sorted(there.items()):
            size, changed = facts.st_size, facts.st_mtime_ns
            before = self._looks.get(name, (0, 0, 0))
            looks = before[2] + 1 if before[:2] == (size, changed) else 1
            self._looks[name] = (size, changed, looks)
            known = self.entries.get(name)
            if known is not None and known.is_of(size, changed) and self._is_settled(known):
                continue
            if looks >= _SETTLED and size:
                ready.append(self.folder / name)
            elif known is None or not known.is_of(size, changed):
                self.entries[name] = Entry("waiting", size, changed)
        return ready

    def _is_settled(self, entry: Entry) -> bool:
        return entry.state == "failed" or (entry.state == "done" and (self.out / entry.target).exists())

    def convert(self, source: Path, progress: Progress) -> Entry:
        """One file; what is wrong with it is kept in its entry, and does not end the watch."""
        facts = source.stat()
        entry = self.entries[source.name] = Entry("converting", facts.st_size, facts.st_mtime_ns)
        self.save()
        start, target, before = time.monotonic(), self.out, None
        try:
            target = self._target(source)
            before = _stamp(target)
            (report,) = convert(source, target, self._load, self.settings, self._job, progress)
            entry.state, entry.target, entry.frames = "done", target.name, report.frames
        except UserError as error:
            entry.state, entry.error = "failed", str(error)
        except OSError as error:  # it was taken away meanwhile
            entry.state, entry.error = "failed", f"{source} cannot be read ({error.strerror})"
        except BaseException as ending:
            if (whole := self._whole(target, before, ending)) is None:
                self._drop_part(source)
                del self.entries[source.name]
            else:
                entry.state, entry.target, entry.frames = "done", target.name, whole.frames
                entry.seconds = round(time.monotonic() - start, 3)
            self.save()
            raise
        entry.seconds = round(time.monotonic() - start, 3)
        self.save()
        return entry

    def _whole(self, target: Path, before: tuple[int, int] | None, ending: BaseException) -> Report | None:
        """The report of a result that was finished before the interruption took effect."""
        reports = getattr(ending, "reports", [])
        return reports[0] if reports and _stamp(target) not in (None, before) else None

    def _drop_part(self, source: Path) -> None:
        """What an interrupted video leaves is made anew, and who fetches the results would take it for one."""
        with contextlib.suppress(UserError, OSError):
            part = AtomicFile(self._target(source), overwrite=True).early_name()
            if part.name not in [entry.target for entry in self.entries.values()]:
                part.unlink()

    def _target(self, source: Path) -> Path:
        """Raises UserError for what is neither picture nor video, and for two sources of one result."""
        from lumaflux.media.stills.folder import is_picture
        from lumaflux.render.batches import suffix_of

        target = self.out / f"{source.stem}{suffix_of(self._job, picture=is_picture(source))}"
        for name, entry in self.entries.items():
            if name != source.name and entry.target == target.name:
                raise UserError(f"{source} would be {target}, which {name} is; rename one of them")
        return target

    def save(self) -> None:
        """The status file, whole or as it was."""
        whole = {
            "format": _FORMAT,
            "version": 1,
            "folder": str(self.folder),
            "files": {name: dataclasses.asdict(entry) for name, entry in sorted(self.entries.items())},
        }
        with AtomicFile(self.out / STATUS, overwrite=True) as file:
            file.partial.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")

    def _remembered(self) -> dict[str, Entry]:
        path = self.out / STATUS
        try:
            whole = json.loads(path.read_text("utf-8"))
            if whole["format"] != _FORMAT or whole["version"] != 1:
                raise ValueError("of another kind")
            entries = {str(name): Entry(**entry) for name, entry in whole["files"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is no status file of a watch ({error}); remove it to begin anew") from None
        return {name: entry for name, entry in entries.items() if entry.state in ("done", "failed")}


def watch(
    made: Watch,
    progress: Progress,
    *,
    every: float = 2.0,
    once: bool = False,
    told: Callable[[str, Entry], None] = lambda name, entry: None,
) -> None:
    """Looks every so many seconds until it is interrupted, or with ``once`` until all that is there is done."""
    if not 0.05 <= every <= 3600:
        raise UserError(f"the interval is {every:g} seconds; it must be between 0.05 and 3600")
    while True:
        ready = made.look()
        for source in ready:
            if source.exists():
                entry = made.convert(source, progress)
                told(source.name, entry)
        made.save()
        if once and not ready and not any(entry.state == "waiting" and entry.size for entry in made.entries.values()):
            return
        time.sleep(every)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that was there before; None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _is_candidate(entry: "os.DirEntry[str]") -> bool:
    name = entry.name.lower()
    return not name.startswith((".", "~")) and not name.endswith(_UNFINISHED) and entry.is_file()
