"""A benchmark set on disk: ``manifest.json`` beside SDR clips and PQ references, every file with its SHA-256.

An SDR clip is one video (an x264 encode) or one picture; its references are 16-bit PQ PNGs, one a frame, shared by all
renderings of a scene. A method's predictions lie under ``<clip name>/<frame:06d>.png``.
"""

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from lumaflux.errors import UserError

MANIFEST = "manifest.json"
Content = Literal["pgc", "ugc"]  # professionally generated, user-generated


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or not pure.parts:
        raise ValueError(f"'{path}' does not lie inside the set")
    return path


Inside = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clip(_Strict):
    """One rendering of one scene: ``sdr`` is a video or a picture, ``references`` one 16-bit PQ PNG a frame."""

    name: Inside  # unique, "<sequence>/<rendering>[-crfNN]"
    sequence: str  # which stretch of the scene: all its renderings share the references
    scene: str  # the place, the unit of splits and of the bootstrap
    split: str
    content: Content
    rendering: str  # an operator's name, or expert, gain-map, native
    crf: int | None  # of the x264 encode; None for a picture or a clip kept as it came
    frame_rate: float | None  # None for a picture
    licence: str
    sdr: Inside
    references: tuple[Inside, ...]


class Manifest(_Strict):
    """``files``: SHA-256 (hex) by path, for every file that a clip names."""

    name: str
    version: Literal[1] = 1
    specification: dict[str, object]
    clips: tuple[Clip, ...]
    files: dict[Inside, str]

    @model_validator(mode="after")
    def _whole(self) -> "Manifest":
        names = [clip.name for clip in self.clips]
        if len(set(names)) != len(names):
            raise ValueError("two clips have one name")
        splits: dict[str, str] = {}
        for clip in self.clips:
            if splits.setdefault(clip.scene, clip.split) != clip.split:
                raise ValueError(f"the scene '{clip.scene}' is in the splits {splits[clip.scene]} and {clip.split}")
            if missing := {clip.sdr, *clip.references} - self.files.keys():
                raise ValueError(f"clip '{clip.name}' names files without a checksum: {', '.join(sorted(missing))}")
        return self


def read_manifest(folder: Path) -> Manifest:
    """The set in ``folder``. Raises UserError when there is none or when it is not sound."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError:
        raise UserError(f"{folder} holds no set (no {MANIFEST}); build one with: lumaflux luma-eval build") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path} is not a sound manifest: {first['msg']} at {list(first['loc'])}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes ``manifest.json`` whole or not at all."""
    temporary = folder / f".{MANIFEST}.partial"
    temporary.write_text(json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True) + "\n")
    os.replace(temporary, folder / MANIFEST)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """The set's files that are missing or differ from their checksum, in order of name."""
    return [
        name
        for name, digest in sorted(manifest.files.items())
        if not (folder / name).is_file() or sha256(folder / name) != digest
    ]
