"""Slow camera moves: through a panorama by turning, over a still by panning and zooming. Light in, light out."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from lumaflux.lab.data.camera import Camera, view
from lumaflux.media.scaling import reduce_area

_OVERSAMPLING = 2  # frames are drawn at twice their size and averaged, so that motion does not alias
_LEVEL_DEVIATION = 6.0  # degrees of pitch


@dataclass(frozen=True, kw_only=True)
class Move:
    """Move ``number`` of ``of`` in the picture ``name``: ``frames`` of ``width`` x ``height``, drawn by ``seed``."""

    name: str
    seed: int
    number: int
    of: int
    frames: int
    width: int
    height: int

    def generator(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(self.name.encode()), self.number])

    def times(self) -> NDArray[np.float64]:
        """0 to 1 over the clip, starting and stopping softly (smoothstep)."""
        t = np.linspace(0, 1, self.frames) if self.frames > 1 else np.zeros(1)
        return t * t * (3 - 2 * t)


def panorama_cameras(move: Move, fov: tuple[float, float], turn: tuple[float, float]) -> list[Camera]:
    """Where the camera looks in each frame. ``fov`` in degrees and ``turn``, degrees over the clip, are ranges.

    The moves of one panorama start evenly around it.
    """
    rng = np.random.default_rng([move.seed, crc32(move.name.encode())])
    first = rng.uniform(-180, 180)
    rng = move.generator()
    start = first + 360 * move.number / move.of
    yaw = rng.uniform(*turn) * rng.choice([-1, 1])
    level = float(np.clip(rng.normal(0, _LEVEL_DEVIATION), -15, 15))
    pitch = rng.uniform(-0.3, 0.3) * abs(yaw)
    angle = float(rng.uniform(*fov))
    return [
        Camera(yaw=float((start + yaw * t + 180) % 360 - 180), pitch=float(level + pitch * t), fov=angle)
        for t in move.times()
    ]


def through_panorama(
    light: NDArray[np.float32], move: Move, fov: tuple[float, float], turn: tuple[float, float]
) -> Iterator[NDArray[np.float32]]:
    """Frames [3,H,W] of an equirectangular panorama [3,h,w]; ranges as for :func:`panorama_cameras`."""
    for camera in panorama_cameras(move, fov, turn):
        drawn = view(light, camera, move.height * _OVERSAMPLING, move.width * _OVERSAMPLING)
        yield reduce_area(drawn, move.width, move.height)


def over_still(
    light: NDArray[np.float32],
    move: Move,
    window: tuple[float, float],
    pan: tuple[float, float],
    zoom: tuple[float, float],
) -> Iterator[NDArray[np.float32]]:
    """Frames [3,H,W] of a picture [3,h,w]: a window that glides and grows or shrinks inside it.

    Ranges: ``window`` in shares of the largest that fits, ``pan`` over the clip in widths of the window, ``zoom`` over
    the clip as a factor, either way. Raises ValueError for a picture smaller than the frames.
    """
    rows, columns = light.shape[1:]
    if rows < move.height or columns < move.width:
        raise ValueError(f"a picture of {columns}x{rows} holds no frame of {move.width}x{move.height}")
    rng = move.generator()
    largest = min(columns, rows * move.width / move.height)
    sizes = largest * rng.uniform(*window) * rng.uniform(*zoom) ** (rng.choice([-1, 1]) * move.times())
    sizes = sizes.clip(move.width, largest)
    heading = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(*pan) * sizes[0]
    steps = (move.times() - 0.5)[:, None] * distance * np.array([np.cos(heading), np.sin(heading)])
    room = np.array([columns - sizes.max(), rows - sizes.max() * move.height / move.width])
    centre = np.array([columns, rows]) / 2 + (rng.uniform(-0.5, 0.5, 2) * (room - np.abs(steps[-1] - steps[0])).clip(0))
    for size, step in zip(sizes, steps, strict=True):
        half = np.array([size, size * move.height / move.width]) / 2
        middle = np.clip(centre + step, half, np.array([columns, rows]) - half)
        yield _window(light, middle, size / move.width, move.width, move.height)


def _window(
    light: NDArray[np.float32], centre: NDArray[np.float64], step: float, width: int, height: int
) -> NDArray[np.float32]:
    """A frame whose pixels lie ``step`` >= 1 source pixels apart: bilinear samples, at most one apart, averaged."""
    fine = int(np.ceil(step)) if step > _OVERSAMPLING else _OVERSAMPLING
    x = centre[0] + ((np.arange(width * fine) + 0.5) / fine - width / 2) * step - 0.5
    y = centre[1] + ((np.arange(height * fine) + 0.5) / fine - height / 2) * step - 0.5
    rows = _linear(light, y, axis=1)
    return reduce_area(_linear(rows, x, axis=2), width, height)


def _linear(light: NDArray[np.float32], at: NDArray[np.float64], axis: int) -> NDArray[np.float32]:
    at = at.clip(0, light.shape[axis] - 1)
    low = np.floor(at).astype(int).clip(0, light.shape[axis] - 2)
    share = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
    blended = light.take(low, axis) * (1 - share) + light.take(low + 1, axis) * share
    return blended.astype(np.float32, copy=False)
