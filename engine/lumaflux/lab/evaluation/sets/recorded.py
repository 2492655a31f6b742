"""Sequences out of HDR videos, to be rendered: single files below HDR_DIR, and published collections."""

import re
from fractions import Fraction
from functools import partial
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.lab.data.hdr_video import Sampling, masters, probe_hdr
from lumaflux.lab.data.layouts.named import VIDEOS
from lumaflux.lab.data.layouts.records import HdrVideo
from lumaflux.lab.data.scenes import scene_table
from lumaflux.lab.evaluation.sets.manifest import sha256
from lumaflux.lab.evaluation.sets.sequence import Sequence
from lumaflux.lab.evaluation.sets.specification import FileSource, PairSource, Specification, VideoSource


def file_sequences(wanted: FileSource, specification: Specification, hdr_dir: Path | None) -> list[Sequence]:
    """The stretches of one file. Raises UserError when it is missing, is not HDR, or may be trained on."""
    if hdr_dir is None or not (hdr_dir / wanted.path).is_file():
        if wanted.optional:
            return []
        raise UserError(f"the set needs {wanted.path} below HDR_DIR ({hdr_dir}); name the folder that holds it")
    video = HdrVideo(
        name=Path(wanted.path).stem,
        path=hdr_dir / wanted.path,
        scene=wanted.scene,
        split=specification.split,
        content=wanted.content,
        licence=wanted.licence,
    )
    table = scene_table()
    if video.name not in table.never and table.split(table.scene(video.name)) != specification.split:
        raise UserError(
            f"{wanted.path} is not in the split '{specification.split}' (engine/lumaflux/lab/data/scenes.yaml)"
        )
    return _stretches(video, wanted, specification)


def video_sequences(wanted: VideoSource, specification: Specification, roots: dict[str, Path]) -> list[Sequence]:
    """The stretches of a collection's videos. Raises UserError when the collection is missing or laid out otherwise."""
    root = root_of(wanted, roots)
    if root is None:
        return []
    by_scene: dict[str, HdrVideo] = {}
    for video in sorted(VIDEOS[wanted.collection](root), key=lambda video: video.name):
        if video.split == specification.split:
            by_scene.setdefault(video.scene, video)
    if len(by_scene) != wanted.scenes:
        raise UserError(
            f"the set needs {wanted.scenes} scenes of the split '{specification.split}' of {wanted.collection}, and "
            f"{root} has {len(by_scene)} (docs/sets.md says which)"
        )
    return [sequence for video in by_scene.values() for sequence in _stretches(video, wanted, specification)]


def root_of(wanted: VideoSource | PairSource, roots: dict[str, Path]) -> Path | None:
    """Where the collection lies; None when it is optional and not given."""
    root = roots.get(wanted.collection)
    if root is None and not wanted.optional:
        raise UserError(
            f"the set needs the collection '{wanted.collection}'; name it with --root {wanted.collection}=DIR"
        )
    return root


def sequence_name(name: str, start: int, starts: tuple[int, ...]) -> str:
    """A folder's name of collection/stem, and of the first frame where there are several stretches."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return f"{plain}-{start}" if len(starts) > 1 else plain


def _stretches(video: HdrVideo, wanted: FileSource | VideoSource, specification: Specification) -> list[Sequence]:
    info = probe_hdr(video.path)
    if info.frame_rate is None:
        raise UserError(f"{video.path} does not say its frame rate; remux it with one")
    digest = sha256(video.path)
    sequences = []
    for start in wanted.starts:
        sampling = Sampling(start=start, count=specification.frames, stride=wanted.stride)
        sequences.append(
            Sequence(
                name=sequence_name(video.name, start, wanted.starts),
                scene=video.scene,
                split=video.split,
                content=video.content,
                licence=video.licence,
                frames=specification.frames,
                frame_rate=Fraction(info.frame_rate) / wanted.stride,
                made_from={
                    "source": video.name,
                    "sha256": digest,
                    "start": start,
                    "stride": wanted.stride,
                    "within": wanted.within,
                },
                masters=partial(masters, video.path, sampling, wanted.within),
                rendered=True,
            )
        )
    return sequences
