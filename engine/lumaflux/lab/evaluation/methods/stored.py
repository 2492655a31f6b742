"""Any other method: its predictions as 16-bit PQ PNGs, in a folder or named by a JSON-lines manifest."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.method import Frame
from lumaflux.lab.evaluation.pairs import read_pq
from lumaflux.lab.evaluation.sets.manifest import Clip


@dataclass(frozen=True, kw_only=True)
class FolderMethod:
    """``folder/<clip name>/<frame:06d>.png``."""

    name: str
    folder: Path
    told: str | None = None

    def describe(self) -> dict[str, Any]:
        """The files by name and size; their contents are not read for it."""
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*.png")}
        if not files:
            raise UserError(f"{self.folder} holds no predictions; they are <clip name>/<frame, six digits>.png")
        return {"kind": "folder", "files": len(files), "sha256": _digest(files)}

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        return map(_reader(lambda number: self.folder / clip.name / f"{number:06d}.png"), frames)


@dataclass(frozen=True, kw_only=True)
class ManifestMethod:
    """``file``: JSON lines {"clip", "frame", "prediction"}; see ``read_predictions``."""

    name: str
    file: Path
    paths: Mapping[tuple[str, int], Path]
    told: str | None = None

    def describe(self) -> dict[str, Any]:
        """The files by clip, frame and size; their contents are not read for it."""
        files = {f"{clip} {frame}": path for (clip, frame), path in self.paths.items()}
        return {"kind": "manifest", "files": len(files), "sha256": _digest(files)}

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        def path(number: int) -> Path:
            if (clip.name, number) not in self.paths:
                raise UserError(f"{self.file} names no prediction of clip {clip.name}, frame {number}")
            return self.paths[clip.name, number]

        return map(_reader(path), frames)


def read_predictions(file: Path) -> ManifestMethod:
    """The manifest as a method of the file's stem; its paths are relative to the file.

    Raises UserError for a line that is none or says a frame twice.
    """
    paths: dict[tuple[str, int], Path] = {}
    for number, line in json_lines(file):
        clip, frame, prediction = (line.get(key) for key in ("clip", "frame", "prediction"))
        if not (isinstance(clip, str) and isinstance(prediction, str) and type(frame) is int):
            raise UserError(f'{file}, line {number}, must be {{"clip": text, "frame": number, "prediction": path}}')
        if (clip, frame) in paths:
            raise UserError(f"{file}, line {number}, names clip {clip}, frame {frame}, a second time; keep one")
        paths[clip, frame] = file.parent / prediction
    return ManifestMethod(name=file.stem, file=file, paths=paths)


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON-lines file with their line numbers, empty lines left out; raises UserError for others."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as JSON lines: {error}") from None
    found = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise UserError(f"{file}, line {number}, is no JSON object; write one a line")
        found = True
        yield number, content
    if not found:
        raise UserError(f"{file} names no predictions")


def _reader(path: Callable[[int], Path]) -> Callable[[Frame], np.ndarray]:
    def read(frame: Frame) -> np.ndarray:
        return read_pq(path(frame.number))[0].numpy()

    return read


def _digest(files: Mapping[str, Path]) -> str:
    together = hashlib.sha256()
    for name, path in sorted(files.items()):
        together.update(f"{name}\0{path.stat().st_size if path.is_file() else 'missing'}\n".encode())
    return together.hexdigest()
