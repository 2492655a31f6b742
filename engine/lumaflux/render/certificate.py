"""A certificate: what an output was made of and what every frame became, in JSON that shows an edit."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pydantic

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.job import Job
from lumaflux.render.mask import mask_fact

VERSION = 1
GRID = 4  # cells a side
# Options that name what is read; where such a file is there, its place beside the certificate is written down.
INPUTS = ("model", "adapters", "look", "backbone", "engine", "track", "match", "mask", "ocio")
_WHOLE = "file"  # the key of a file that is no picture of a sequence


class Frame(pydantic.BaseModel):
    """What the writer was given of a frame: ``sha256`` of its ``pixels`` (PQ BT.2020, float32 [3,H,W]) or of its
    ten-bit ``codes`` (uint16 Y', Cb, Cr); ``grid``, mean PQ luma in 4x4 cells by rows, in [0,1]; ``shares``, the means
    measured, extended and invented, of samples; of all where a matte was asked for; ``kept``, of samples, PSNR in dB
    between its luma and what the finished video shows."""

    model_config = pydantic.ConfigDict(extra="forbid")
    number: int
    path: Literal["pixels", "codes"]
    sha256: str
    kept: float | None = None
    grid: list[float] = pydantic.Field(min_length=GRID * GRID, max_length=GRID * GRID)
    shares: list[float] | None = None


class Files(pydantic.BaseModel):
    """A file or a sequence: its place beside the certificate, and the SHA-256 of each of its files."""

    model_config = pydantic.ConfigDict(extra="forbid")
    path: str
    sha256: dict[str, str]


class Certificate(pydantic.BaseModel):
    """Of one output. ``settings`` are those that rendered; ``options`` are all that differ from their defaults."""

    model_config = pydantic.ConfigDict(extra="forbid")
    format: Literal["lumaflux-certificate"] = "lumaflux-certificate"
    version: Literal[1] = VERSION
    source: Files
    output: Files
    model: str
    weights: dict[str, str]
    inputs: dict[str, str]
    settings: dict[str, float | int | str]
    options: dict[str, Any]
    delivery: str
    platform: dict[str, str]
    threads: int
    damaged: int
    invention: dict[str, float]
    frames: list[Frame] = pydantic.Field(min_length=1)


def input_digests(job: Job) -> dict[str, str]:
    """SHA-256 of every file that an option names, by the option; a mask's by its pictures."""
    found = {}
    for name in INPUTS:
        value = getattr(job, name)
        if value is not None and Path(value).is_file():
            found[name] = sha256(Path(value))
    if job.mask is not None and "mask" not in found:
        found["mask"] = mask_fact(job.mask)
    return found


def digests_of(path: Path, pictures: Iterable[int] | None = None) -> dict[str, str]:
    """SHA-256 of a file, or of a sequence's ``pictures`` (of all, if None) by number. Raises UserError for missing
    files."""
    pattern = SequencePath.parse(path)
    numbers = [] if pattern is None else sorted(pattern.numbers() if pictures is None else pictures)
    try:
        return (
            {_WHOLE: sha256(path)}
            if pattern is None
            else {str(number): sha256(pattern.file(number)) for number in numbers}
        )
    except OSError as error:
        raise UserError(
            f"{error.filename or path} cannot be read ({error.strerror}); name the file it is now"
        ) from None


def _digest(fields: dict[str, Any]) -> str:
    """SHA-256 of the values, however they are laid out: keys sorted, no blanks, UTF-8."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def text_of(certificate: Certificate) -> str:
    """JSON with a line a frame and, last, the SHA-256 of all the rest."""
    fields = certificate.model_dump(mode="json", exclude_none=True)
    frames = ",\n".join(json.dumps(frame) for frame in fields["frames"])
    head = json.dumps({**fields, "frames": []}, indent=1)
    head = head[: head.rindex("[]")]
    return f'{head}[\n{frames}\n ],\n "sha256": "{_digest(fields)}"\n}}\n'


def read_certificate(path: Path) -> Certificate:
    """Raises UserError for a file that is none, is of another version, or was edited."""
    try:
        fields = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"the certificate {path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise UserError(f"{path} is no certificate, or a damaged one: it is no JSON") from None
    if not isinstance(fields, dict) or fields.get("format") != "lumaflux-certificate":
        raise UserError(f"{path} is no certificate; name the file that convert --certificate wrote")
    if fields.get("version") != VERSION:
        raise UserError(f"{path} is a certificate of version {fields.get('version')}, not {VERSION}; use its LumaFlux")
    if fields.pop("sha256", None) != _digest(fields):
        raise UserError(f"the certificate {path} was edited: its contents are not those of its SHA-256")
    try:
        return Certificate.model_validate(fields)
    except pydantic.ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(f"the certificate {path} was not written by LumaFlux: {place} is wrong") from None
