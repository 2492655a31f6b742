"""What stands beside a written sequence so that it can be resumed: which settings, model and input made it."""

import dataclasses
import os
from pathlib import Path

import pydantic

from lumaflux import __version__
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.job import Job
from lumaflux.settings import Settings

_ENDS = 1 << 20  # bytes at either end of a file that its digest is made of


class SequenceManifest(pydantic.BaseModel):
    """Everything that decides the pixels of a sequence, and the number that its first frame got."""

    model_config = pydantic.ConfigDict(extra="forbid")
    format: str = "lumaflux-sequence"
    version: int = 1
    engine: str = __version__
    source: str
    source_digest: str
    model: str
    settings: dict[str, float | int | str]
    delivery: dict[str, str | int | float | bool | None]


def manifest_of(source: Path, settings: Settings, job: Job, delivery: str) -> SequenceManifest:
    """``source``: a file, or the pattern of a sequence, which its first picture stands for."""
    pattern = SequencePath.parse(source)
    first = source if pattern is None else pattern.file(pattern.numbers()[0])
    spaces = ("ocio", "input_space", "input_transfer", "output_space")
    keys = ("force_sdr", "interlaced", "exr_compression", *spaces, "start_number")
    facts = {key: getattr(job, key) for key in keys}
    facts["track"] = file_digest(Path(job.track)) if job.track not in (None, "none") else job.track
    if job.tile != "auto":
        facts["tile"] = job.tile
    if job.motion_blending:
        facts["motion_blending"] = job.motion_blending
    return SequenceManifest(
        source=source.name,
        source_digest=file_digest(first),
        model=job.model,
        settings=dataclasses.asdict(settings),
        delivery={"name": delivery, **facts},
    )


def file_digest(path: Path) -> str:
    """Of a file's size and its two ends."""
    import xxhash

    size = path.stat().st_size
    digest = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_ENDS))
        if size > _ENDS:
            file.seek(max(_ENDS, size - _ENDS))
            digest.update(file.read(_ENDS))
    return digest.hexdigest()


def manifest_path(target: SequencePath) -> Path:
    """``shot.lumaflux.json`` beside ``shot.0001.exr``."""
    stem = target.before.rstrip("._-") or "sequence"
    return target.pattern.with_name(f"{stem}.lumaflux.json")


def claim(target: SequencePath, manifest: SequenceManifest, *, overwrite: bool, resume: bool) -> bool:
    """Put ``manifest`` beside the sequence; whether frames that are there may be kept.

    Raises UserError where frames of other settings, another input or an unknown origin are there.
    """
    path = manifest_path(target)
    found = _read(path)
    if found == manifest and resume and not overwrite:
        return True
    if not overwrite and (numbers := _there(target)):
        if found == manifest:
            raise UserError(f"{target.file(numbers[0])} exists already; leave out --no-resume, or overwrite (-y)")
        reason = "of unknown origin" if found is None else f"made with {_difference(found, manifest)}"
        raise UserError(
            f"{target.pattern} holds {len(numbers)} frames {reason}; choose another name, or overwrite them (-y)"
        )
    if found != manifest:
        with AtomicFile(path, overwrite=True) as file:
            file.partial.write_text(manifest.model_dump_json(indent=1), "utf-8")
    return False


def _there(target: SequencePath) -> list[int]:
    try:
        return target.numbers()
    except UserError:
        return []


def _read(path: Path) -> SequenceManifest | None:
    try:
        return SequenceManifest.model_validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError):
        return None


def _difference(found: SequenceManifest, wanted: SequenceManifest) -> str:
    for name in ("source", "source_digest", "model", "engine"):
        if getattr(found, name) != getattr(wanted, name):
            what = {"source_digest": "input of other content", "engine": "engine version"}.get(name, name)
            return f"another {what}" if name != "source_digest" else what
    pairs = {**wanted.settings, **wanted.delivery}
    before = {**found.settings, **found.delivery}
    name = next((key for key in pairs if before.get(key) != pairs[key]), "settings")
    return f"another {name} ({before.get(name)} instead of {pairs.get(name)})"


def modified(path: Path) -> float:
    """When a source frame was last written, in seconds."""
    return os.stat(path).st_mtime
