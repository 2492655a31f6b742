"""The mastered frames of a segment, and the SDR frames of pairs that come as such. Squares of the corpus' size."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError
from lumaflux.lab.data.camera import Camera, view
from lumaflux.lab.data.curation.segments import Segment
from lumaflux.lab.data.curation.specification import CorpusSpecification
from lumaflux.lab.data.gain_map import pair_of
from lumaflux.lab.data.hdr_video import Sampling, display_light, master_display_light
from lumaflux.lab.data.mastering import master_gain, master_pq, to_bt2020
from lumaflux.lab.data.pictures import read_linear
from lumaflux.media.gainmap.photograph import read_gain_map_photograph
from lumaflux.media.scaling import reduce_area
from lumaflux.media.video.shots import find_shots, signature

Frames = NDArray[np.float32]  # [F,3,S,S]

_FOV = (55.0, 100.0)  # degrees
_TURN = 0.6  # degrees a frame, at most
_OVERSAMPLING = 2
_LARGEST_REDUCTION = 8.0
_SIGNATURE_SIZE = 128  # pixels, of the frames that shots are found in


@lru_cache(maxsize=2)
def _scene_light(path: Path) -> tuple[NDArray[np.float32], float]:
    """Linear BT.2020 and its exposure."""
    light = to_bt2020(read_linear(path))
    return light, master_gain(light)


@lru_cache(maxsize=1)
def _photograph(path: Path):
    return pair_of(read_gain_map_photograph(path))


@lru_cache(maxsize=4)
def _shots(path: Path) -> tuple[range, ...]:
    small = (reduce_area(nits, _SIGNATURE_SIZE, _SIGNATURE_SIZE) for nits in display_light(path))
    return tuple(find_shots([signature(master_display_light(nits)) for nits in small]))


def hdr_frames(segment: Segment, specification: CorpusSpecification) -> Frames:
    """PQ/BT.2020 masters of a panorama, a still or a video, by a camera or crop that moves smoothly.

    Raises UserError for an unreadable source or one too small for the corpus' size.
    """
    rng = segment.numbers(specification.seed)
    if segment.kind == "panorama":
        return np.stack(list(_camera_move(segment, specification, rng)))
    if segment.kind == "still":
        light, gain = _scene_light(segment.path)
        return np.stack([master_pq(crop, gain) for crop in _pan(light, segment, specification, rng)])
    return np.stack([master_display_light(crop) for crop in _video(segment, specification, rng)])


def pair_frames(segment: Segment, specification: CorpusSpecification) -> tuple[Frames, Frames]:
    """SDR and PQ/BT.2020 of a pair, one frame of the same square of both. Raises UserError as ``hdr_frames``."""
    rng = segment.numbers(specification.seed)
    sdr, hdr = _whole_pair(segment, rng)
    if sdr.shape != hdr.shape:
        raise UserError(f"{segment.sdr} and {segment.path} differ in size; pairs are pictures of one size")
    height, width = _reduced(hdr.shape[1:], segment, specification.size, rng)
    top, left = (int(rng.integers(side - specification.size + 1)) for side in (height, width))
    square = (slice(None), slice(top, top + specification.size), slice(left, left + specification.size))
    return reduce_area(sdr, width, height)[square][None], reduce_area(hdr, width, height)[square][None]


def _whole_pair(segment: Segment, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from lumaflux.media.stills.picture import read_still
    from lumaflux.media.video.reader import VideoReader

    if segment.kind == "gain-map":
        return _photograph(segment.path)
    assert segment.sdr is not None
    if segment.kind == "pair-picture":
        return read_still(segment.sdr).sdr, read_still(segment.path, allow_hdr=True).sdr
    with VideoReader(segment.sdr) as reader:
        number = int(rng.integers(max(reader.info.frame_count or 1, 1)))
        sdr = next(islice(iter(reader), number, None)).sdr
    return sdr, master_display_light(next(display_light(segment.path, Sampling(start=number, count=1))))


def _camera_move(
    segment: Segment, specification: CorpusSpecification, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    light, gain = _scene_light(segment.path)
    yaw, pitch = float(rng.uniform(-180, 180)), float(np.clip(rng.normal(0, 18), -50, 50))
    fov, zoom = float(rng.uniform(*_FOV)), float(rng.uniform(-0.3, 0.3))
    turn, tilt = rng.uniform(-_TURN, _TURN, 2)
    size = specification.size * _OVERSAMPLING
    for number in range(specification.frames):
        camera = Camera(yaw=yaw + number * turn, pitch=pitch + number * tilt, fov=fov + number * zoom)
        yield master_pq(reduce_area(view(light, camera, size, size), specification.size, specification.size), gain)


def _reduced(shape: tuple[int, ...], segment: Segment, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width after a random reduction that still holds a square of ``size``."""
    largest = min(shape) / size
    if largest < 1:
        raise UserError(f"{segment.path} is {shape[1]}x{shape[0]}, too small for pictures of {size} pixels")
    factor = float(np.exp(rng.uniform(0, np.log(min(largest, _LARGEST_REDUCTION)))))
    return max(size, int(shape[0] / factor)), max(size, int(shape[1] / factor))


def _pan(
    light: NDArray[np.float32], segment: Segment, specification: CorpusSpecification, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    size, frames = specification.size, specification.frames
    height, width = _reduced(light.shape[1:], segment, size, rng)
    picture = reduce_area(light, width, height)
    tops, lefts = (_path(side - size, frames, rng) for side in (height, width))
    for top, left in zip(tops, lefts, strict=True):
        yield picture[:, top : top + size, left : left + size]


def _path(room: int, frames: int, rng: np.random.Generator) -> list[int]:
    """Offsets in [0, room] of a crop that moves by up to two pixels a frame."""
    step = int(rng.integers(-2, 3))
    first = int(rng.integers(room + 1))
    return [int(np.clip(first + number * step, 0, room)) for number in range(frames)]


def _video(
    segment: Segment, specification: CorpusSpecification, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Consecutive frames within one shot; a shorter shot holds its last frame."""
    shots = _shots(segment.path)
    shot = shots[segment.index % len(shots)]
    room = max(len(shot) - specification.frames, 0)
    start = shot.start + int(rng.integers(room + 1))
    sampling = Sampling(start=start, count=min(specification.frames, len(shot)))
    crop: tuple[int, int, int, int] | None = None
    held = np.empty(0, np.float32)
    for nits in display_light(segment.path, sampling):
        if crop is None:
            height, width = _reduced(nits.shape[1:], segment, specification.size, rng)
            top, left = (int(rng.integers(side - specification.size + 1)) for side in (height, width))
            crop = height, width, top, left
        height, width, top, left = crop
        square = (slice(None), slice(top, top + specification.size), slice(left, left + specification.size))
        held = reduce_area(nits, width, height)[square]
        yield held
    for _ in range(specification.frames - (sampling.count or 0)):
        yield held
