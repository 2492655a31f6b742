"""Sequences out of panoramas and stills, by slow camera moves."""

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError
from lumaflux.lab.data.mastering import master_gain, master_pq, to_bt2020
from lumaflux.lab.data.moves import Move, over_still, through_panorama
from lumaflux.lab.data.pictures import read_linear
from lumaflux.lab.data.sources import HDR_DIR, PACKAGES, Source, pictures_of
from lumaflux.lab.evaluation.sets.manifest import sha256
from lumaflux.lab.evaluation.sets.sequence import Sequence
from lumaflux.lab.evaluation.sets.specification import PanoramaSource, Specification, StillSource

_FROM_PACKAGES = {collection.name for collection in PACKAGES}
_FROM_HDR_DIR = {collection.name for collection in HDR_DIR}


def moved_sequences(
    wanted: PanoramaSource | StillSource, specification: Specification, packages: Path | None, hdr_dir: Path | None
) -> list[Sequence]:
    """Every move in every picture of the split. Raises UserError for a collection that is missing or has no picture."""
    found: list[Source] = []
    for collection in wanted.collections:
        found += _pictures(collection, wanted, packages, hdr_dir)
    chosen = [source for source in found if source.split == specification.split and source.kind == wanted.kind]
    if found and not chosen:
        raise UserError(
            f"the split '{specification.split}' has no {wanted.kind} in {', '.join(wanted.collections)}; "
            "see engine/lumaflux/lab/data/scenes.yaml"
        )
    return [
        _sequence(source, wanted, specification, number)
        for source in sorted(chosen, key=lambda source: source.name)
        for number in range(wanted.views)
    ]


def _pictures(
    collection: str, wanted: PanoramaSource | StillSource, packages: Path | None, hdr_dir: Path | None
) -> list[Source]:
    if collection not in _FROM_PACKAGES | _FROM_HDR_DIR:
        raise UserError(
            f"there is no collection '{collection}'; there are {', '.join(sorted(_FROM_PACKAGES | _FROM_HDR_DIR))}"
        )
    public = collection in _FROM_PACKAGES
    root = packages if public else hdr_dir
    remedy = "fill a folder with: python -m lumaflux.lab.data.fetch DIR, and name it with --packages DIR"
    if not public:
        remedy = "name the folder that holds it by HDR_DIR or --hdr-dir DIR"
    if root is None:
        if wanted.optional:
            return []
        raise UserError(f"the set needs the collection '{collection}'; {remedy}")
    named = tuple(c for c in (PACKAGES if public else HDR_DIR) if c.name == collection)
    sources = list(pictures_of(root, named))
    if not sources and not wanted.optional:
        raise UserError(f"{root} holds no picture of the collection '{collection}'; {remedy}")
    return sources


def _sequence(
    source: Source, wanted: PanoramaSource | StillSource, specification: Specification, number: int
) -> Sequence:
    collection, stem = source.name.split("/")
    move = Move(
        name=source.name,
        seed=specification.seed,
        number=number,
        of=wanted.views,
        frames=specification.frames,
        width=wanted.size[0],
        height=wanted.size[1],
    )

    def masters() -> Iterator[NDArray[np.float32]]:
        light = to_bt2020(read_linear(source.path))
        if isinstance(wanted, PanoramaSource):
            frames = through_panorama(light, move, wanted.fov, wanted.turn)
        else:
            frames = over_still(light, move, wanted.window, wanted.pan, wanted.zoom)
        try:
            gain = master_gain(light)  # of the whole picture: a dark corner stays dark
            yield from (master_pq(frame, gain) for frame in frames)
        except ValueError as error:
            raise UserError(f"{source.path} cannot be used: {error}") from error

    return Sequence(
        name=f"{collection}-{stem.removesuffix('_1k')}-{number}",
        scene=source.scene,
        split=source.split,
        content=wanted.content,
        licence=source.licence,
        frames=specification.frames,
        frame_rate=Fraction(specification.frame_rate),
        made_from={
            "source": source.name,
            "sha256": sha256(source.path),
            "move": asdict(move),
            "how": wanted.model_dump(mode="json", exclude={"collections", "optional"}),
        },
        masters=masters,
        rendered=True,
    )
