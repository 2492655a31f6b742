"""Views of the sources: mastered PQ/BT.2020 pictures of one size, drawn by a seeded camera, kept in safetensors.

One file a scene, ``views`` uint16 [N,3,S,S] (65535 = signal 1), written once; ``manifest.json`` lists them.
``python -m lumaflux.lab.data.views OUT [--packages DIR]`` makes the pool (HDR_DIR adds its collection).
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.data.camera import Camera, view
from lumaflux.lab.data.mastering import master_gain, master_pq, to_bt2020
from lumaflux.lab.data.pictures import read_linear, read_sdr
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.sources import Kind, Source, read_pool_command
from lumaflux.media.atomic_file import allow_by_umask

MANIFEST = "manifest.json"
FULL_SCALE = 65535
_OVERSAMPLING = 2  # views are drawn at twice their size and averaged, so that the camera does not alias


@dataclass(frozen=True, kw_only=True)
class ViewPlan:
    """How many views of what size; ``fov`` and ``pitch`` in degrees."""

    size: int = 256
    per_panorama: int = 40
    per_picture: int = 32
    fov: tuple[float, float] = (60.0, 100.0)
    pitch_deviation: float = 18.0
    seed: int = 1


def _shrink(picture: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Averages ``factor`` x ``factor`` blocks, dropping what is left over."""
    channels, height, width = picture.shape
    height, width = height // factor, width // factor
    cut = picture[:, : height * factor, : width * factor]
    return cut.reshape(channels, height, factor, width, factor).mean(axis=(2, 4))


def _panorama_views(
    panorama: NDArray[np.float32], plan: ViewPlan, rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    size = plan.size * _OVERSAMPLING
    cameras = [
        Camera(
            yaw=float(rng.uniform(-180, 180)),
            pitch=float(np.clip(rng.normal(0, plan.pitch_deviation), -60, 60)),
            fov=float(rng.uniform(*plan.fov)),
        )
        for _ in range(plan.per_panorama)
    ]
    return [_shrink(view(panorama, camera, size, size), _OVERSAMPLING) for camera in cameras]


def _crops(picture: NDArray[np.float32], plan: ViewPlan, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Square crops at whole-number reductions, as long as a crop fits."""
    largest = min(picture.shape[1:]) // plan.size
    if largest < 1:
        raise ValueError(f"a picture of {picture.shape[2]}x{picture.shape[1]} holds no view of {plan.size} pixels")
    scales = {factor: _shrink(picture, factor) for factor in range(1, min(largest, 8) + 1)}
    crops = []
    for _ in range(plan.per_picture):
        scaled = scales[int(rng.choice(list(scales)))]
        top = int(rng.integers(scaled.shape[1] - plan.size + 1))
        left = int(rng.integers(scaled.shape[2] - plan.size + 1))
        crops.append(scaled[:, top : top + plan.size, left : left + plan.size])
    return crops


def source_views(source: Source, plan: ViewPlan) -> NDArray[np.uint16]:
    """Views [N,3,S,S] of one source: PQ of the mastered scene, or the SDR signal of a photograph."""
    rng = np.random.default_rng([plan.seed, crc32(source.name.encode())])
    if source.kind == "photograph":
        signals = _crops(read_sdr(source.path), plan, rng)
    else:
        light = to_bt2020(read_linear(source.path))
        gain = master_gain(light)
        drawn = _panorama_views(light, plan, rng) if source.kind == "panorama" else _crops(light, plan, rng)
        signals = [master_pq(picture, gain) for picture in drawn]
    views = np.rint(np.stack(signals) * FULL_SCALE).astype(np.uint16)
    return np.ascontiguousarray(views)  # safetensors stores the buffer as it lies


def best_sources(sources: Sequence[Source]) -> list[Source]:
    """One source a name's scene where a scene comes in several resolutions: the largest file of each alias group.

    Different photographs of one scene (brown_photostudio_01 and _02) are all kept: they come from one collection.
    """
    kept: dict[tuple[str, Kind], list[Source]] = {}
    for source in sources:
        kept.setdefault((source.scene, source.kind), []).append(source)
    result = []
    for group in kept.values():
        size = {s.name: s.path.stat().st_size for s in group}
        best = max(group, key=lambda s: size[s.name]).name.split("/")[0]
        result += [source for source in group if source.name.split("/")[0] == best]
    return result


def make_views(sources: Sequence[Source], out: Path, plan: ViewPlan) -> None:
    """Writes the pool of views below ``out``, as ``write_pool`` does."""
    write_pool(sources, out, lambda source: {"views": source_views(source, plan)})


def write_pool(sources: Sequence[Source], out: Path, arrays_of: Callable[[Source], dict[str, NDArray[Any]]]) -> None:
    """Writes one file a scene below ``out``, and the manifest; scenes already there are kept, so that a stopped run
    goes on."""
    from safetensors.numpy import save_file

    out.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for source in best_sources(sources):
        target = out / f"{source.name.replace('/', '.')}.safetensors"
        if not target.exists():
            temporary = target.with_name(f".{target.name}.partial")
            arrays = {key: np.ascontiguousarray(value) for key, value in arrays_of(source).items()}
            save_file(arrays, temporary, {"name": source.name})
            allow_by_umask(temporary)
            os.replace(temporary, target)
        entries.append(
            {
                "file": target.name,
                "name": source.name,
                "scene": source.scene,
                "split": source.split,
                "kind": source.kind,
                "licence": source.licence,
            }
        )
    (out / MANIFEST).write_text(json.dumps(entries, indent=1) + "\n")


@dataclass(frozen=True)
class SceneViews:
    name: str
    scene: str
    kind: Kind
    views: NDArray[np.uint16]  # [N,3,S,S]


def load_views(pool: Path, split: Split, kinds: Sequence[Kind] = ("panorama", "still")) -> list[SceneViews]:
    """All views of a split. Raises UserError when the pool is missing or the split is empty."""
    from safetensors.numpy import load_file

    try:
        entries = json.loads((pool / MANIFEST).read_text())
    except OSError:
        raise UserError(f"{pool} holds no views; make them with: python -m lumaflux.lab.data.views {pool}") from None
    chosen = [
        SceneViews(entry["name"], entry["scene"], entry["kind"], load_file(pool / entry["file"])["views"])
        for entry in entries
        if entry["split"] == split and entry["kind"] in kinds
    ]
    if not chosen:
        raise UserError(f"the split '{split}' of {pool} is empty for {', '.join(kinds)}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    out, sources = read_pool_command("lumaflux.lab.data.views", __doc__, arguments, roots=("HDR_DIR",))
    make_views(sources, out, ViewPlan())


if __name__ == "__main__":
    with told("lumaflux"):
        main()
