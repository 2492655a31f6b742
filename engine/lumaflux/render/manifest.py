"""Everything that decides the pixels of a job: what a folder of frames is kept, resumed and refused by."""

import dataclasses
import importlib.util
import json
import os
from functools import cache
from pathlib import Path

import pydantic

from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import UserError
from lumaflux.inference.weights import NO_ENGINE, rendering_identity
from lumaflux.media.atomic_file import AtomicFile, cannot_write
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import NO_TRACK, ModelOptions
from lumaflux.render.job import Job
from lumaflux.render.mask import mask_fact
from lumaflux.render.source import Source
from lumaflux.settings import Settings
from lumaflux.version import __version__

Facts = dict[str, str | int | float | bool | None]


class SequenceManifest(pydantic.BaseModel):
    """Of a written sequence: its source, model, look and options, and what computed it."""

    model_config = pydantic.ConfigDict(extra="forbid")
    format: str = "lumaflux-sequence"
    version: int = 2
    source: str
    source_digest: str
    model: str
    settings: dict[str, float | int | str]
    delivery: Facts
    platform: dict[str, str]


def platform_facts(options: ModelOptions) -> dict[str, str]:
    """What the last bits of a frame depend on beside its job: versions, the instruction set that torch chose or the
    GPU, and the build of the native routines."""
    import torch

    from lumaflux.backends.device import pick_device

    device = pick_device(options.device)
    processor = torch.backends.cpu.get_cpu_capability()
    if limit := os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA"):
        processor += f" (oneDNN up to {limit})"
    facts = {
        "engine": __version__,
        "torch": torch.__version__,
        "processor": torch.cuda.get_device_name(device) if device.type == "cuda" else processor,
        "native": _native_build(),
    }
    if options.engine is not None and str(options.engine) != NO_ENGINE:
        from importlib.metadata import PackageNotFoundError, version

        for package in ("onnxruntime", "onnxruntime-gpu"):
            try:
                facts["onnxruntime"] = version(package)
            except PackageNotFoundError:
                continue
    return facts


@cache
def _native_build() -> str:
    found = importlib.util.find_spec("lumaflux_native")
    if found is None or found.origin is None:
        return "none"
    return file_digest(Path(found.origin))[:12]


def track_fact(track: str | None) -> str | None:
    """A track by its contents. Raises UserError for a file that cannot be read."""
    if track is None or track == NO_TRACK:
        return track
    try:
        return file_digest(Path(track))
    except OSError as error:
        raise UserError(
            f"the tone track {track} cannot be read ({error.strerror}); make it by lumaflux analyze"
        ) from None


def match_fact(reference: Path) -> str:
    """A reference by its contents. Raises UserError for a file that cannot be read."""
    try:
        return file_digest(reference)
    except OSError as error:
        said = f"the reference {reference} cannot be read ({error.strerror}); --match names an HDR picture"
        raise UserError(said) from None


def manifest_of(source: Source, settings: Settings, job: Job, delivery: str) -> SequenceManifest:
    """Raises UserError for a source that cannot be read."""
    keys = ("force_sdr", "interlaced", "exr_compression", "ocio", "input_space", "input_transfer")
    keys += ("output_space", "start_number")
    facts: Facts = {key: getattr(job, key) for key in keys}
    facts["track"] = track_fact(job.track)
    if job.layer is not None:
        facts["layer"] = job.layer
    if job.motion_blending:
        facts["motion_blending"] = job.motion_blending
    if job.match is not None:
        facts["match"] = match_fact(job.match)
    if job.every_frame:
        facts["every_frame"] = True
    if job.mask is not None:
        facts["mask"] = mask_fact(job.mask)
    if job.matte is not None:  # frames that are kept have theirs
        facts["matte"] = str(job.matte)
    if job.threads is not None:
        facts["threads"] = job.threads
    return SequenceManifest(
        source=source.path.name,
        source_digest=source.digest,
        model=rendering_identity(job),
        settings=dataclasses.asdict(settings),
        delivery={"name": delivery, **facts},
        platform=platform_facts(job),
    )


class FrameInputs:
    """What each written picture was made of, a line a frame in ``shot.lumaflux.jsonl``: a resumed run makes those anew
    whose input has changed. Several runs may write parts of one sequence at the same time."""

    def __init__(self, target: SequencePath):
        self._path = _beside(target, "jsonl")
        self._known: dict[int, str] = {}

    def read(self) -> None:
        """What earlier runs wrote; a torn line counts as a frame not made."""
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                number, digest = json.loads(line)
                self._known[int(number)] = str(digest)
            except (ValueError, TypeError):
                continue

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def same(self, number: int, digest: str) -> bool:
        return self._known.get(number) == digest

    def add(self, number: int, digest: str) -> None:
        """Raises UserError where it cannot be written."""
        try:
            with self._path.open("a", encoding="utf-8") as file:  # a line is one write, which appends whole
                file.write(json.dumps([number, digest]) + "\n")
        except OSError as error:
            raise cannot_write(self._path, error) from None


def input_digest(source: Source, numbers: list[int]) -> str:
    """Of the frames that one is made of: itself, and neighbors."""
    digests = []
    for number in numbers:
        try:
            digests.append(source.frame_digest(number))
        except OSError:
            digests.append("none")
    return (digests[0] if len(digests) == 1 else text_digest(" ".join(digests))) if any(digests) else ""


def _beside(target: SequencePath, kind: str) -> Path:
    """``shot.lumaflux.json`` beside ``shot.0001.exr``."""
    stem = target.before.rstrip("._-") or "sequence"
    return target.pattern.with_name(f"{stem}.lumaflux.{kind}")


def may_keep(target: SequencePath, manifest: SequenceManifest, *, overwrite: bool, resume: bool) -> bool:
    """Whether frames that are there may be kept.

    Raises UserError where frames of other settings, another input or an unknown origin are there.
    """
    path = _beside(target, "json")
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
    return False


def claim(target: SequencePath, manifest: SequenceManifest, *, overwrite: bool, resume: bool) -> bool:
    """Put ``manifest`` beside the sequence; returns and raises what :func:`may_keep` does, of what is there now."""
    kept = may_keep(target, manifest, overwrite=overwrite, resume=resume)
    if not kept:
        with AtomicFile(_beside(target, "json"), overwrite=True) as file:
            file.partial.write_text(manifest.model_dump_json(indent=1), "utf-8")
    return kept


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
    for name in ("source", "source_digest", "model"):
        if getattr(found, name) != getattr(wanted, name):
            return "input of other content" if name == "source_digest" else f"another {name}"
    pairs = {**wanted.settings, **wanted.delivery, **wanted.platform}
    before = {**found.settings, **found.delivery, **found.platform}
    name = next((key for key in sorted({*pairs, *before}) if before.get(key) != pairs.get(key)), "settings")
    return f"another {name} ({before.get(name)} instead of {pairs.get(name)})"
