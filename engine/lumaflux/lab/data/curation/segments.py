"""The work of a corpus, cut into segments: a few consecutive frames of one source, each made independently."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np

from lumaflux.errors import UserError
from lumaflux.lab.data.curation.specification import CorpusSpecification
from lumaflux.lab.data.layouts.named import PAIRS, VIDEOS
from lumaflux.lab.data.layouts.records import Pair
from lumaflux.lab.data.scenes import Split, scene_table
from lumaflux.lab.data.shards import Content
from lumaflux.lab.data.sources import SourceFolders, find_sources

StretchKind = Literal["panorama", "still", "video", "gain-map", "pair-picture", "pair-video"]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """``name`` is unique and decides all random numbers; ``sdr`` and ``rendering`` belong to ready-made pairs."""

    name: str
    kind: StretchKind
    path: Path
    index: int
    source: str
    scene: str
    split: Split
    content: Content
    licence: str
    sdr: Path | None = None
    rendering: str | None = None
    crf: int | None = None

    def numbers(self, seed: int) -> np.random.Generator:
        """The segment's own random numbers."""
        return np.random.default_rng([seed, crc32(self.name.encode())])


def plan(specification: CorpusSpecification, folders: SourceFolders) -> list[Segment]:
    """All segments, in order of name. Raises UserError for missing folders and where no scene is for training."""
    found = [
        *_pictures(specification, folders.packages, folders.hdr_dir),
        *_gain_maps(specification, folders.hdr_dir),
        *_collections(specification, folders.collections),
    ]
    if not any(segment.split == "train" for segment in found):
        raise UserError("no source belongs to the training split; name more with --packages, HDR_DIR or --root")
    _refuse_split_scenes(found)
    return sorted(found, key=lambda segment: segment.name)


def _refuse_split_scenes(segments: list[Segment]) -> None:
    seen: dict[str, Segment] = {}
    for segment in segments:
        first = seen.setdefault(segment.scene, segment)
        if first.split != segment.split:
            raise UserError(
                f"the scene '{segment.scene}' is in two splits: {first.source} in {first.split}, {segment.source} in "
                f"{segment.split}; name it in engine/lumaflux/lab/data/scenes.yaml"
            )


def _pictures(specification: CorpusSpecification, packages: Path | None, hdr_dir: Path | None) -> Iterator[Segment]:
    if packages is None and hdr_dir is None:
        return
    for source in find_sources(packages, hdr_dir):
        if source.kind not in ("panorama", "still"):
            continue  # SDR, or of another shape
        count = specification.segments_per_panorama if source.kind == "panorama" else specification.segments_per_still
        for index in range(count):
            yield Segment(
                name=f"{source.name}/{index:04d}",
                kind=source.kind,
                path=source.path,
                index=index,
                source=source.name,
                scene=source.scene,
                split=source.split,
                content="pgc",
                licence=source.licence,
            )


def _gain_maps(specification: CorpusSpecification, hdr_dir: Path | None) -> Iterator[Segment]:
    table = scene_table()
    for path in sorted((hdr_dir / "gainmap").glob("*.jpg")) if hdr_dir else []:
        for index in range(specification.crops_per_pair):
            yield Segment(
                name=f"gain-map/{path.stem}/{index:04d}",
                kind="gain-map",
                path=path,
                index=index,
                source=f"gain-map/{path.stem}",
                scene=table.scene(path.stem),
                split=table.split(table.scene(path.stem)),
                content="ugc",
                licence="CC BY 4.0",
                rendering="gain-map",
            )


def _collections(specification: CorpusSpecification, roots: Mapping[str, Path]) -> Iterator[Segment]:
    for name in specification.collections:
        if name not in roots:
            raise UserError(f"the specification wants the collection {name}; name its folder with --root {name}=DIR")
        for video in VIDEOS[name](roots[name]) if name in VIDEOS else []:
            for index in range(specification.segments_per_video):
                yield Segment(
                    name=f"{video.name}/{index:04d}",
                    kind="video",
                    path=video.path,
                    index=index,
                    source=video.name,
                    scene=video.scene,
                    split=video.split,
                    content=video.content,
                    licence=video.licence,
                )
        for pair in PAIRS[name](roots[name]) if name in PAIRS else []:
            yield from _pair(pair, specification.crops_per_pair)


def _pair(pair: Pair, count: int) -> Iterator[Segment]:
    for index in range(count):
        yield Segment(
            name=f"{pair.name}/{index:04d}",
            kind="pair-picture" if pair.medium == "picture" else "pair-video",
            path=pair.hdr,
            index=index,
            source=pair.name,
            scene=pair.scene,
            split=pair.split,
            content=pair.content,
            licence=pair.licence,
            sdr=pair.sdr,
            rendering=pair.rendering,
            crf=pair.crf,
        )
