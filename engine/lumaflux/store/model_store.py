"""The folders in which fetched models lie, each with a record of what was fetched.

LUMAFLUX_MODELS names the user's own, in the user's data directory (XDG) if it is not set. LUMAFLUX_SHARED_MODELS
names one that many machines read, a farm's, which is looked in first and never written to.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from lumaflux.digests import sha256
from lumaflux.errors import UserError

RECORD = "lumaflux-record.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """``path`` below the model's folder; ``size`` in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was fetched. ``revision``: the commit of ``repository``, all of its digits."""

    model: str
    repository: str
    revision: str
    licence: str
    files: tuple[StoredFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def own_store() -> Path:
    """Where models are fetched to. Raises UserError where the user has no home and none is named."""
    named, data = os.environ.get("LUMAFLUX_MODELS"), os.environ.get("XDG_DATA_HOME")
    if named:
        return Path(named)
    try:
        return (Path(data) if data else Path.home() / ".local" / "share") / "lumaflux" / "models"
    except RuntimeError:
        raise UserError("this user has no home directory; set LUMAFLUX_MODELS to a directory for models") from None


def stores() -> list[Path]:
    """Where models are looked for, the shared store first."""
    shared = os.environ.get("LUMAFLUX_SHARED_MODELS")
    return [*([Path(shared)] if shared else []), own_store()]


def write_record(folder: Path, record: Record) -> None:
    partial = folder / f"{RECORD}.partial"
    partial.write_text(json.dumps({"format": _FORMAT, **asdict(record)}, indent=1) + "\n", "utf-8")
    partial.replace(folder / RECORD)


def read_record(folder: Path) -> Record:
    """Raises UserError for one that is missing or not what this LumaFlux wrote."""
    path = folder / RECORD
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.pop("format") != _FORMAT:
            raise ValueError("another format")
        files = tuple(StoredFile(**file) for file in content.pop("files"))
        if any(Path(file.path).is_absolute() or ".." in Path(file.path).parts for file in files):
            raise ValueError("a file outside of its folder")
        return Record(files=files, **content)
    except FileNotFoundError:
        raise UserError(
            f"{folder} holds no whole model: {RECORD} is missing; run `lumaflux models get` again"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path} is no record of a model ({error}); remove the folder and fetch the model again"
        ) from None


def find(name: str) -> Path | None:
    """The folder of a model that is there whole, by its record; None where no store has it."""
    return next((store / name for store in stores() if (store / name / RECORD).is_file()), None)


def folder_of(name: str) -> Path:
    """As ``find``, with the sizes of its files checked. Raises UserError where it is not there or not whole."""
    folder = find(name)
    if folder is None:
        where = " and ".join(str(store) for store in stores())
        raise UserError(f"{name} is not in {where}; run `lumaflux models get {name}`")
    for file in read_record(folder).files:
        path = folder / file.path
        if not path.is_file() or path.stat().st_size != file.size:
            raise UserError(f"{path} is missing or of another size; run `lumaflux models verify {name}`")
    return folder


def verify(name: str) -> Record:
    """Reads every file of a model. Raises UserError with all that is missing, changed or was not fetched."""
    folder = find(name) or folder_of(name)
    record, faults = read_record(folder), []
    for file in record.files:
        path = folder / file.path
        if not path.is_file():
            faults.append(f"{file.path} is missing")
        elif sha256(path) != file.sha256:
            faults.append(f"{file.path} is not the file that was fetched")
    expected = {file.path for file in record.files}
    for path in sorted(folder.rglob("*.safetensors")):
        if str(path.relative_to(folder)) not in expected:
            faults.append(f"{path.relative_to(folder)} was not fetched with it")
    if faults:
        raise UserError(
            f"{folder}: {'; '.join(faults)}; run `lumaflux models remove {name}` and `lumaflux models get {name}`"
        )
    return record


def remove(name: str) -> int:
    """Deletes a model from the user's own store, finished or not; bytes of its files. Raises UserError for others'."""
    folder = own_store() / name
    if not folder.is_dir():
        where = find(name)
        raise UserError(
            f"{name} lies in the shared store {where.parent}, which is not written to"
            if where
            else f"{name} is not in {own_store()}; there is nothing to remove"
        )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return size
