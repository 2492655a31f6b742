"""A job's folder: its frames, the manifest that says what they are, and a record of every frame that is done."""

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lumaflux.digests import file_digest
from lumaflux.errors import UserError
from lumaflux.file_lock import lock
from lumaflux.media.stills.frame_numbers import frame_list
from lumaflux.options import SourceOptions
from lumaflux.settings import Settings

HIDDEN = ".lumaflux"
MANIFEST = "job.json"
_RECORDS = "frames"
_FAILURES = "failed"
_PER_FOLDER = 1000  # records: a film has 170,000
# Two jobs may differ in these and still be the same job.
_FREE = ("source",)


class Manifest(BaseModel):
    """What decides the pixels of a job, and nothing else but ``source`` (a path, which may differ by machine)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lumaflux-job"] = "lumaflux-job"
    source: str
    source_kind: Literal["video", "sequence"]
    source_digest: str
    width: int
    height: int
    frames: str
    settings: dict[str, float | int | str]
    model: str
    tone_track: str | None = None
    motion_blending: float = 0.0
    every_frame: bool = False
    mask: str | None = None
    matte: str | None = None
    reading: dict[str, bool | str | None]
    device: str
    precision: str
    threads: int
    weights: str
    platform: dict[str, str]

    @model_validator(mode="after")
    def _known(self) -> Self:
        """Another version's settings and options are not guessed at."""
        try:
            _ = self.looks(), SourceOptions(**self.reading)  # pyright: ignore[reportArgumentType]
            frame_list(self.frames)
        except (TypeError, UserError) as error:
            raise ValueError(str(error)) from None
        return self

    def looks(self) -> Settings:
        return Settings(**self.settings)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One finished frame: ``digest`` (xxh3-128) and ``size`` in bytes of its file, ``source`` digest of its picture."""

    frame: int
    digest: str
    size: int
    source: str
    seconds: float
    max_nits: float
    average_nits: float
    host: str

    @classmethod
    def parse(cls, text: bytes) -> Self | None:
        """None for what is no record: a torn or foreign file counts as a frame not done."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


class JobFolder:
    """Paths in ``folder``, and what is written there. Nothing is read from it but manifest, records and failures."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.hidden = folder / HIDDEN

    @property
    def manifest_path(self) -> Path:
        return self.hidden / MANIFEST

    @property
    def pictures(self) -> Path:
        """The name of all frames, as a sequence's."""
        return self.folder / "frame.%07d.png"

    def picture(self, frame: int) -> Path:
        return self.folder / f"frame.{frame:07d}.png"

    def record_path(self, frame: int) -> Path:
        return self.hidden / _RECORDS / f"{frame // _PER_FOLDER:04d}" / f"{frame:07d}.json"

    def failure_path(self, frame: int) -> Path:
        return self.hidden / _FAILURES / f"{frame:07d}.txt"

    def manifest(self) -> Manifest:
        """Raises UserError where there is none."""
        try:
            return Manifest.model_validate_json(self.manifest_path.read_bytes())
        except OSError:
            raise UserError(f"{self.folder} holds no job; `lumaflux farm job` or `farm frames` makes one.") from None
        except ValidationError:
            raise UserError(f"{self.manifest_path} is no manifest of this version; render into a new folder.") from None

    def claim(self, manifest: Manifest) -> None:
        """Make the folder this job's. Raises UserError, naming the difference, where it is another's already."""
        try:
            (self.hidden / _RECORDS).mkdir(parents=True, exist_ok=True)
            if not self.manifest_path.exists():
                self._create(manifest)
        except OSError as error:
            raise UserError(
                f"{self.folder} cannot be written: {error.strerror}; choose a directory you may write to."
            ) from None
        self.check(manifest)

    def _create(self, manifest: Manifest) -> None:
        partial = self.hidden / f".{MANIFEST}.{secrets.token_hex(4)}"
        partial.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
        try:
            os.link(partial, self.manifest_path)  # of two that begin at once one wins, and the other compares
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(partial, self.manifest_path)
        finally:
            partial.unlink(missing_ok=True)

    def check(self, manifest: Manifest) -> None:
        here = self.manifest().model_dump(exclude=set(_FREE))
        for name, value in manifest.model_dump(exclude=set(_FREE)).items():
            if here[name] != value and name == "platform":
                raise UserError(
                    f"{self.folder} was begun on another kind of node: {_difference(name, here[name], value)}, and "
                    "frames would differ in their last bits; send the rest to such nodes, or render elsewhere."
                )
            if here[name] != value:
                raise UserError(
                    f"{self.folder} belongs to another job: {_difference(name, here[name], value)}; "
                    "render into another folder, or remove this one."
                )

    def record(self, frame: int) -> Record | None:
        try:
            return Record.parse(self.record_path(frame).read_bytes())
        except OSError:
            return None

    def fault(self, frame: int) -> str | None:
        """Why a frame does not count as done: ``missing``, ``unrecorded``, ``corrupt``; None if it is sound.

        Decided by contents alone: clocks differ between machines.
        """
        picture, record = self.picture(frame), self.record(frame)
        try:
            digest, size = file_digest(picture), picture.stat().st_size
        except OSError:
            return "missing"
        if record is None or record.frame != frame:
            return "unrecorded"
        return None if (digest, size) == (record.digest, record.size) else "corrupt"

    def write_record(self, record: Record) -> None:
        write_small(self.record_path(record.frame), json.dumps(asdict(record)))
        self.failure_path(record.frame).unlink(missing_ok=True)

    def write_failure(self, frame: int, reason: str) -> None:
        write_small(self.failure_path(frame), reason)

    def failures(self) -> dict[int, str]:
        """Frames that failed when they were last tried, by number, and why."""
        folder = self.hidden / _FAILURES
        paths = sorted(folder.glob("*.txt")) if folder.is_dir() else []
        return {int(path.stem): path.read_text("utf-8") for path in paths if path.stem.isdigit()}

    def partials(self) -> Iterator[Path]:
        """Hidden files that killed workers left."""
        yield from self.folder.glob(".*.partial")
        yield from self.folder.glob(".*.scratch")


def _difference(name: str, here: Any, wanted: Any) -> str:
    if isinstance(here, dict):
        name = next(key for key in sorted({*here, *wanted}) if here.get(key) != wanted.get(key))
        here, wanted = here.get(name), wanted.get(name)
    return f"its {name.replace('_', ' ')} is {here}, not {wanted}"


def write_small(path: Path, text: str) -> None:
    """Whole or not at all, replacing what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text, "utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def runner_lock(folder: Path) -> Iterator[None]:
    """Held while a job is run as a whole; what a killed runner leaves is in nobody's way. Raises UserError naming the
    holder where there is one."""
    path = folder / HIDDEN / "runner.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; choose a directory you may write to.") from None
    with file:
        try:
            lock(file.fileno(), wait=False)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another run"
            raise UserError(f"{folder} is being rendered already by {holder}; wait for it, or stop it.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
