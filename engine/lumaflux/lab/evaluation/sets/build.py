"""Builds a set: masters and references, SDR clips, and last of all the manifest. Stopped at any point, it goes on."""

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.x264_clip import X264Encoding, quantise_sdr, write_x264
from lumaflux.lab.evaluation.sets.manifest import MANIFEST, Clip, Manifest, read_manifest, sha256, write_manifest
from lumaflux.lab.evaluation.sets.moved import moved_sequences
from lumaflux.lab.evaluation.sets.paired import gain_map_sequences, pair_sequences
from lumaflux.lab.evaluation.sets.recorded import file_sequences, video_sequences
from lumaflux.lab.evaluation.sets.sequence import Sequence
from lumaflux.lab.evaluation.sets.specification import (
    FileSource,
    GainMapSource,
    PairSource,
    Renderings,
    Specification,
    VideoSource,
    read_specification,
)
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.stills.picture import read_still, write_still

Progress = Callable[[int, int | None], None]
BUILT = ".built"  # one JSON file a finished sequence: what it was made of, its clips and checksums
KINDS = ("references", "sdr")  # a folder each, with a folder a sequence inside
_LIBRARIES = ("av", "numpy", "opencolorio", "openimageio", "pillow")
_REVISION = 1  # raised when the same specification gives other pixels


class _Built(BaseModel):
    key: str
    clips: tuple[Clip, ...]
    files: dict[str, str]


def build_set(
    specification: str | Path,
    out: Path,
    *,
    packages: Path | None = None,
    hdr_dir: Path | None = None,
    roots: dict[str, Path] | None = None,
    progress: Progress = lambda done, total: None,
) -> Manifest:
    """Build the set of a committed specification (by name) or of a YAML file into the folder ``out``.

    ``packages`` is filled by ``lumaflux.lab.data.fetch``; ``hdr_dir`` holds further material; ``roots`` the published
    collections by name. ``progress`` gets the frames done and in all. Finished sequences whose files are sound and
    that would be made of the same things are kept. Raises UserError for a specification that is not sound, sources
    that are missing, unreadable or not HDR, an empty split, and a folder that holds something else.
    """
    wanted = read_specification(specification)
    sequences = find_sequences(wanted, packages=packages, hdr_dir=hdr_dir, roots=roots or {})
    _make_ready(out, wanted.name)
    software: dict[str, object] = {"revision": _REVISION, **{name: version(name) for name in _LIBRARIES}}
    total = sum(sequence.frames * _clip_count(sequence, wanted.renderings) for sequence in sequences)
    done = 0
    progress(done, total)
    built: list[_Built] = []

    def step(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    for sequence in sequences:
        key = _key(sequence, wanted.renderings, software)
        kept = _kept(out, sequence, key)
        if kept is not None:
            step(sequence.frames * len(kept.clips))
        built.append(kept or _make(out, sequence, wanted.renderings, key, step))
    _remove_others(out, {sequence.name for sequence in sequences})
    manifest = Manifest(
        name=wanted.name,
        specification={
            "specification": wanted.model_dump(mode="json"),
            "software": software,
            "made_from": {sequence.name: dict(sequence.made_from) for sequence in sequences},
        },
        clips=tuple(clip for part in built for clip in part.clips),
        files={name: digest for part in built for name, digest in part.files.items()},
    )
    write_manifest(out, manifest)
    return read_manifest(out)


def find_sequences(
    specification: Specification, *, packages: Path | None, hdr_dir: Path | None, roots: dict[str, Path]
) -> list[Sequence]:
    """What the specification's sources give, in order of name. Raises UserError when that is nothing."""
    found: list[Sequence] = []
    for source in specification.sources:
        if isinstance(source, FileSource):
            found += file_sequences(source, specification, hdr_dir)
        elif isinstance(source, VideoSource):
            found += video_sequences(source, specification, roots)
        elif isinstance(source, GainMapSource):
            found += gain_map_sequences(source, specification, hdr_dir)
        elif isinstance(source, PairSource):
            found += pair_sequences(source, specification, roots)
        else:
            found += moved_sequences(source, specification, packages, hdr_dir)
    if not found:
        raise UserError(f"the set {specification.name} is empty: none of its sources is there")
    names = [sequence.name for sequence in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"two sources of the set {specification.name} are named {', '.join(twice)}; rename one")
    return sorted(found, key=lambda sequence: sequence.name)


def _clip_count(sequence: Sequence, renderings: Renderings) -> int:
    rendered = len(renderings.operators) * len(renderings.crf) if sequence.rendered else 0
    return rendered + len(sequence.companions)


def _key(sequence: Sequence, renderings: Renderings, software: dict[str, object]) -> str:
    content = {
        "sequence": [sequence.name, sequence.scene, sequence.split, sequence.content, sequence.licence],
        "frames": [sequence.frames, str(sequence.frame_rate)],
        "made_from": dict(sequence.made_from),
        "renderings": renderings.model_dump(mode="json") if sequence.rendered else None,
        "software": software,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _make_ready(out: Path, name: str) -> None:
    if (out / MANIFEST).is_file():
        earlier = read_manifest(out).name
        if earlier != name:
            raise UserError(f"{out} holds the set {earlier}, not {name}; name another folder")
    elif out.is_dir() and any(out.iterdir()) and not (out / BUILT).is_dir():
        raise UserError(f"{out} holds other files; name an empty folder for the set")
    try:
        (out / BUILT).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made: {error.strerror}; choose another folder") from None


def _kept(out: Path, sequence: Sequence, key: str) -> _Built | None:
    """A finished sequence, if it was made of the same things and all its files are sound."""
    try:
        built = _Built.model_validate_json((out / BUILT / f"{sequence.name}.json").read_bytes())
    except (OSError, ValidationError):
        return None
    sound = built.key == key and all(
        (out / name).is_file() and sha256(out / name) == digest for name, digest in built.files.items()
    )
    return built if sound else None


def _make(out: Path, sequence: Sequence, renderings: Renderings, key: str, step: Callable[[int], None]) -> _Built:
    folders = [Path(kind, sequence.name) for kind in KINDS]
    _remove(out, sequence.name)  # leftovers of a build that was stopped
    for folder in folders:
        (out / folder).mkdir(parents=True)
    references = _write_references(out, folders[0], sequence)
    clips: list[Clip] = []

    def add(rendering: str, crf: int | None, suffix: str, write: Callable[[Path], object]) -> None:
        stem = rendering if crf is None else f"{rendering}-crf{crf}"
        target = folders[1] / f"{stem}{suffix}"
        write(out / target)
        clips.append(
            Clip(
                name=f"{sequence.name}/{stem}",
                sequence=sequence.name,
                scene=sequence.scene,
                split=sequence.split,
                content=sequence.content,
                rendering=rendering,
                crf=crf,
                frame_rate=None if sequence.frame_rate is None else float(sequence.frame_rate),
                licence=sequence.licence,
                sdr=target.as_posix(),
                references=references,
            )
        )
        step(sequence.frames)

    if sequence.rendered:
        assert sequence.frame_rate is not None
        for operator in renderings.operators:
            frames = [_rendered(out / reference, operator) for reference in references]
            for crf in renderings.crf:
                encoding = X264Encoding(crf=crf, frame_rate=sequence.frame_rate, preset=renderings.preset)
                add(operator, crf, ".mp4", lambda path, e=encoding, f=frames: write_x264(path, f, e))
    for companion in sequence.companions:
        add(companion.rendering, companion.crf, companion.suffix, companion.write)
    names = [*references, *(clip.sdr for clip in clips)]
    built = _Built(key=key, clips=tuple(clips), files={name: sha256(out / name) for name in names})
    with AtomicFile(out / BUILT / f"{sequence.name}.json", overwrite=True) as file:
        file.partial.write_text(built.model_dump_json(indent=1))
    return built


def _write_references(out: Path, folder: Path, sequence: Sequence) -> tuple[str, ...]:
    names = []
    for number, master in enumerate(sequence.masters()):
        names.append((folder / f"{number:06d}.png").as_posix())
        write_still(out / names[-1], master)
    if len(names) != sequence.frames:
        raise UserError(f"{sequence.name} gave {len(names)} frames of the {sequence.frames} that are wanted")
    return tuple(names)


def _rendered(reference: Path, operator: str) -> NDArray[np.uint8]:
    """8-bit SDR codes uint8 [3,H,W] of the master as it was written."""
    return quantise_sdr(OPERATORS[operator](pq.eotf(read_still(reference, allow_hdr=True).sdr)))


def _remove(out: Path, sequence: str) -> None:
    (out / BUILT / f"{sequence}.json").unlink(missing_ok=True)
    for kind in KINDS:
        shutil.rmtree(out / kind / sequence, ignore_errors=True)


def _remove_others(out: Path, names: set[str]) -> None:
    """Sequences that the specification no longer gives, and what a kill left of markers."""
    there = {path.stem for path in (out / BUILT).glob("*.json")}
    there |= {path.name for kind in KINDS for path in (out / kind).glob("*")}
    for name in there - names:
        _remove(out, name)
    for leftover in (out / BUILT).glob(".*.partial"):
        leftover.unlink()
