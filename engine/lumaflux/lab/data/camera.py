"""A virtual camera inside an equirectangular panorama: rectilinear views."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Angles in degrees. ``yaw`` turns right, ``pitch`` up; ``fov`` is the horizontal field of view."""

    yaw: float
    pitch: float
    fov: float

    def __post_init__(self) -> None:
        if not 0 < self.fov < 180:
            raise ValueError(f"the field of view must lie in (0, 180) degrees, got {self.fov}")


def directions(camera: Camera, height: int, width: int) -> NDArray[np.float64]:
    """Unit vectors (right, up, forward) through the pixel centres: [3,H,W]."""
    half = math.tan(math.radians(camera.fov) / 2)
    x = ((np.arange(width) + 0.5) / width * 2 - 1) * half
    y = (1 - (np.arange(height) + 0.5) / height * 2) * half * height / width
    x, y = np.meshgrid(x, y)
    pitch, yaw = math.radians(camera.pitch), math.radians(camera.yaw)
    up = y * math.cos(pitch) + math.sin(pitch)
    ahead = math.cos(pitch) - y * math.sin(pitch)
    right = x * math.cos(yaw) + ahead * math.sin(yaw)
    forward = ahead * math.cos(yaw) - x * math.sin(yaw)
    vectors = np.stack([right, up, forward])
    return vectors / np.linalg.norm(vectors, axis=0)


def view(panorama: NDArray[np.float32], camera: Camera, height: int, width: int) -> NDArray[np.float32]:
    """A rectilinear view [3,H,W] of an equirectangular panorama [3,h,w], bilinear in linear light.

    The panorama's centre column is yaw 0; its left and right edges meet.
    """
    rows, columns = panorama.shape[1:]
    right, up, forward = directions(camera, height, width)
    u = (np.arctan2(right, forward) / (2 * math.pi) + 0.5) * columns - 0.5
    v = (0.5 - np.arcsin(up.clip(-1, 1)) / math.pi) * rows - 0.5
    left, top = np.floor(u).astype(int), np.floor(v).astype(int)
    fu, fv = (u - left).astype(np.float32), (v - top).astype(np.float32)
    x0, x1 = left % columns, (left + 1) % columns
    y0, y1 = top.clip(0, rows - 1), (top + 1).clip(0, rows - 1)
    upper = panorama[:, y0, x0] * (1 - fu) + panorama[:, y0, x1] * fu
    lower = panorama[:, y1, x0] * (1 - fu) + panorama[:, y1, x1] * fu
    return upper * (1 - fv) + lower * fv
