"""The directory of a bundle: which one a build may take or replace, the hidden one beside it that the build works in,
and one builder at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lumaflux.backends.bundle import MANIFEST, Manifest, read_manifest
from lumaflux.errors import UserError
from lumaflux.file_lock import lock

_LOCK, _REQUEST = ".lock", ".request"
_ELSEWHERE = "name another directory with --out"


def bundle_folder(out: Path) -> Path:
    """The absolute path of the bundle that ``out`` names: a directory that is not there, is empty, or is a bundle with
    nothing else in it.

    Raises UserError for everything else; a build must never remove what it did not make.
    """
    out = out.resolve() if ".." in out.parts or not out.name else out.absolute()
    here = Path.cwd()
    if out.is_symlink():
        raise UserError(f"{out} is a symbolic link; name the directory itself with --out")
    if out == here or out in here.parents or out == Path(os.path.expanduser("~")) or os.path.ismount(out):
        raise UserError(f"{out} holds this directory, a home or a disk, and cannot become a bundle; {_ELSEWHERE}")
    try:
        _files_of_bundle(out)
        _files_of_bundle(_former_name(out))
        work = _working_name(out)
        if work.is_symlink() or (work.exists() and not _ours(work)):
            raise UserError(f"{work} is in the way and no build left it; move it, or {_ELSEWHERE}")
    except OSError as error:
        raise UserError(f"{out} cannot be looked at ({error.strerror}); {_ELSEWHERE}") from None
    return out


@contextmanager
def working_folder(out: Path, stated: str) -> Iterator[Path]:
    """A hidden folder beside ``out``, which an interrupted build leaves for the next one of the same request
    (``stated``: what its results depend on). It is held until the block ends.

    Raises UserError when another build holds it, or where it cannot be made.
    """
    work = _working_name(out)
    try:
        held = _locked(work)
    except BlockingIOError:
        raise UserError(f"{out} is being built by another process; wait for its end, or {_ELSEWHERE}") from None
    except OSError as error:
        raise UserError(f"{work} cannot be made ({error.strerror}); {_ELSEWHERE}") from None
    try:
        if not out.exists() and _former_name(out).is_dir():  # a build was killed while it published
            os.rename(_former_name(out), out)
        note = work / _REQUEST
        if not note.is_file() or note.read_text() != stated:
            for entry in work.iterdir():
                if entry.name != _LOCK:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            note.write_text(stated)
        yield work
    finally:
        os.close(held)


def publish(manifest: Manifest, work: Path, out: Path) -> None:
    """Gives the working folder its name; of what is in it, only what the manifest names stays.

    A bundle that is there already is removed file by file. Raises UserError when ``out`` became something else.
    """
    bundle_folder(out)
    kept = {*files_named_by(manifest), _LOCK}
    for file in work.iterdir():
        if file.name not in kept:
            file.unlink()
    former = _former_name(out)
    if out.is_dir():
        _remove_bundle(former)
        os.rename(out, former)
    os.rename(work, out)
    (out / _LOCK).unlink()
    _remove_bundle(former)


def files_named_by(manifest: Manifest) -> set[str]:
    """The names of all files of a bundle."""
    parts = [name for part in manifest.parts.values() for name in (part.onnx, part.data, part.engine) if name]
    return {MANIFEST, manifest.host, *parts}


def _files_of_bundle(folder: Path) -> set[str]:
    """The files in a directory that is a bundle or empty or not there. Raises UserError for any other."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; {_ELSEWHERE}")
    there = {entry.name for entry in folder.iterdir()}
    if not there:
        return set()
    if MANIFEST not in there:
        raise UserError(f"{folder} exists and is no engine bundle; {_ELSEWHERE}")
    try:
        named = files_named_by(read_manifest(folder))
    except UserError as error:
        raise UserError(f"{folder} exists and is not known to be an engine bundle ({error}); {_ELSEWHERE}") from None
    strange = sorted(name for name in there - named - {_LOCK} if name) + sorted(
        name for name in there & named if not (folder / name).is_file() or (folder / name).is_symlink()
    )
    if strange:
        few = ", ".join(strange[:3]) + (" and others" if len(strange) > 3 else "")
        raise UserError(f"{folder} holds more than an engine bundle ({few}), and would be lost; {_ELSEWHERE}")
    return there


def _remove_bundle(folder: Path) -> None:
    """Removes a bundle's own files and then the directory, which stays where somebody put more into it."""
    for name in _files_of_bundle(folder):
        (folder / name).unlink()
    with suppress(FileNotFoundError):
        folder.rmdir()


def _working_name(out: Path) -> Path:
    return out.with_name(f".{out.name}.building")


def _former_name(out: Path) -> Path:
    return out.with_name(f".{out.name}.replaced")


def _ours(work: Path) -> bool:
    return work.is_dir() and ((work / _REQUEST).is_file() or {entry.name for entry in work.iterdir()} <= {_LOCK})


def _locked(work: Path) -> int:
    """The lock of a working folder, which is made. Raises BlockingIOError when another process holds it."""
    while True:
        work.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except FileNotFoundError:
            continue  # published between the two calls
        try:
            lock(descriptor, wait=False)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(work / _LOCK)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
