"""What the tone predictor learns from: whole views of scenes, graded HDR, author-made pairs and SDR photographs.

Every view is the picture's own light, not one convention's: scenes are kept without shoulder (their exposure is drawn
while training), graded HDR and pairs as their authors made them. One safetensors file a source, ``manifest.json`` lists
them. ``python -m lumaflux.lab.data.tone_pool OUT [--packages DIR]`` makes the pool; HDR_DIR and HDR_MORE_DIR add
collections.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.data.camera import Camera, view
from lumaflux.lab.data.graded_pictures import graded_light, graded_pair
from lumaflux.lab.data.mastering import master_gain, to_bt2020
from lumaflux.lab.data.pictures import read_linear, read_sdr
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.sources import Source, read_pool_command
from lumaflux.lab.data.views import FULL_SCALE, MANIFEST, write_pool
from lumaflux.media.gainmap.photograph import read_gain_map_photograph
from lumaflux.media.scaling import reduce_area

SIZE = 144  # pixels a side
_OVERSAMPLING = 2
_SMALLEST_CUT = 0.55  # of a flat picture's side, either way
_VIEWS = {"panorama": 26, "still": 18, "cube": 20, "graded": 16, "pair": 28, "photograph": 12}


@dataclass(frozen=True)
class TonePictures:
    """Views of one source. ``hdr``: PQ/BT.2020 uint16 [N,3,S,S] (65535 = signal 1), scenes up to 10,000 cd/m2 with a
    log-average of 20; ``sdr``: sRGB codes uint8 [N,3,S,S]. Photographs have no ``hdr``, scenes and graded no ``sdr``.
    """

    name: str
    scene: str
    kind: str
    hdr: NDArray[np.uint16] | None
    sdr: NDArray[np.uint8] | None


def _cuts(shape: tuple[int, int], count: int, rng: np.random.Generator, size: int) -> Iterator[tuple[slice, slice]]:
    """The whole picture, then parts of it; width and height are drawn apart, for a distribution has no aspect ratio."""
    yield slice(0, shape[0]), slice(0, shape[1])
    for _ in range(count - 1):
        sides = [max(size, int(side * rng.uniform(_SMALLEST_CUT, 1))) for side in shape]
        top, left = (int(rng.integers(side - cut + 1)) for side, cut in zip(shape, sides, strict=True))
        yield slice(top, top + sides[0]), slice(left, left + sides[1])


def flat_views(
    pictures: Sequence[NDArray[np.float32]], count: int, rng: np.random.Generator, size: int = SIZE
) -> list[NDArray[np.float32]]:
    """The same parts of pictures of linear light [3,H,W], each reduced to a square: [count,3,S,S] a picture.

    Raises ValueError for pictures smaller than that.
    """
    height, width = pictures[0].shape[1:]
    if min(height, width) < size:
        raise ValueError(f"a picture of {width}x{height} holds no view of {size} pixels")
    parts = list(_cuts((height, width), count, rng, size))
    return [np.stack([reduce_area(picture[:, y, x], size, size) for y, x in parts]) for picture in pictures]


def _panorama(light: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    side, views = SIZE * _OVERSAMPLING, []
    for _ in range(count):
        pitch = float(np.clip(rng.normal(0, 18), -60, 60))
        camera = Camera(yaw=float(rng.uniform(-180, 180)), pitch=pitch, fov=float(rng.uniform(35, 105)))
        views.append(reduce_area(view(light, camera, side, side), SIZE, SIZE))
    return np.stack(views)


def cube_views(
    light: NDArray[np.float32], count: int, rng: np.random.Generator, size: int = SIZE
) -> NDArray[np.float32]:
    """Parts of the six square faces, which lie side by side or one below the other."""
    side = min(light.shape[1:])
    faces = [
        light[:, top : top + side, left : left + side]
        for top in range(0, light.shape[1] - side + 1, side)
        for left in range(0, light.shape[2] - side + 1, side)
    ]
    return np.concatenate([flat_views([face], max(1, count // len(faces)), rng, size)[0] for face in faces])


def _codes(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    from lumaflux.color import srgb

    return np.rint(np.asarray(srgb.inverse_eotf(linear.clip(0, 1))) * 255).astype(np.uint8)


def pq_codes(nits: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Light in cd/m2 -> PQ signals, 65535 for 1."""
    return np.rint(np.asarray(pq.inverse_eotf(nits.clip(0, pq.PQ_PEAK_NITS))) * FULL_SCALE).astype(np.uint16)


def _scene(source: Source, rng: np.random.Generator) -> dict[str, NDArray]:
    light = to_bt2020(read_linear(source.path))
    drawn = {"panorama": _panorama, "cube": cube_views}.get(source.kind, lambda x, n, r: flat_views([x], n, r)[0])
    return {"hdr": pq_codes(drawn(light * np.float32(master_gain(light)), _VIEWS[source.kind], rng))}


def _graded(source: Source, rng: np.random.Generator) -> dict[str, NDArray]:
    frames = graded_light(source.path)
    count = max(2, _VIEWS["graded"] // len(frames))
    return {"hdr": np.concatenate([pq_codes(flat_views([frame], count, rng)[0]) for frame in frames])}


def pair_light(source: Source) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """An author's pair as linear light [3,H,W]: SDR, white 1, and HDR in cd/m2."""
    if source.beside is None:
        photograph = read_gain_map_photograph(source.path)
        return photograph.sdr_linear(), photograph.hdr_nits()
    return graded_pair(source.path, source.beside)


def _pair(source: Source, rng: np.random.Generator) -> dict[str, NDArray]:
    sdr, hdr = pair_light(source)
    sdr, hdr = flat_views([sdr, hdr], _VIEWS["pair"], rng)
    return {"sdr": _codes(sdr), "hdr": pq_codes(hdr)}


def _photograph(source: Source, rng: np.random.Generator) -> dict[str, NDArray]:
    from lumaflux.color import srgb

    linear = np.asarray(srgb.eotf(read_sdr(source.path)), np.float32)
    return {"sdr": _codes(flat_views([linear], _VIEWS["photograph"], rng)[0])}


_READERS: dict[str, Callable[[Source, np.random.Generator], dict[str, NDArray]]] = {
    "graded": _graded,
    "pair": _pair,
    "photograph": _photograph,
}


def make_pool(sources: Sequence[Source], out: Path, seed: int = 1) -> None:
    """Writes the pool below ``out``; sources already there are kept, so that a stopped run goes on."""

    def arrays_of(source: Source) -> dict[str, NDArray]:
        rng = np.random.default_rng([seed, crc32(source.name.encode())])
        return _READERS.get(source.kind, _scene)(source, rng)

    write_pool(sources, out, arrays_of)


def load_pool(pool: Path, splits: Sequence[Split] = ("train",)) -> list[TonePictures]:
    """Raises UserError when the pool is missing or the splits are empty."""
    from safetensors.numpy import load_file

    try:
        entries = json.loads((pool / MANIFEST).read_text())
    except OSError:
        raise UserError(
            f"{pool} holds no pictures; make them with: python -m lumaflux.lab.data.tone_pool {pool}"
        ) from None
    found = []
    for entry in entries:
        if entry["split"] in splits:
            arrays = load_file(pool / entry["file"])
            found.append(
                TonePictures(entry["name"], entry["scene"], entry["kind"], arrays.get("hdr"), arrays.get("sdr"))
            )
    if not found:
        raise UserError(f"{pool} has nothing for {', '.join(splits)}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    out, sources = read_pool_command("lumaflux.lab.data.tone_pool", __doc__, arguments)
    make_pool(sources, out)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
