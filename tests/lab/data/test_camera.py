"""The virtual camera: directions, where a light in a panorama appears, the seam."""

import math

import numpy as np
import pytest

from lumaflux.lab.data.camera import Camera, directions, view


def panorama_with_light(yaw: float, pitch: float) -> np.ndarray:
    rows, columns = 180, 360
    panorama = np.zeros((3, rows, columns), dtype=np.float32)
    panorama[:, int((0.5 - pitch / 180) * rows), int((0.5 + yaw / 360) * columns) % columns] = 1.0
    return panorama


@pytest.mark.parametrize(("yaw", "pitch"), [(0.5, -0.5), (90.5, 20.5), (-179.5, -30.5), (179.5, 44.5)])
def test_a_light_straight_ahead_is_in_the_centre(yaw: float, pitch: float):
    seen = view(panorama_with_light(yaw, pitch), Camera(yaw=yaw, pitch=pitch, fov=60), 61, 61)
    row, column = np.unravel_index(seen[0].argmax(), (61, 61))
    assert abs(row - 30) <= 1
    assert abs(column - 30) <= 1


def test_right_is_right_and_up_is_up():
    seen = view(panorama_with_light(20.5, 10.5), Camera(yaw=0.5, pitch=0.5, fov=90), 101, 101)
    row, column = np.unravel_index(seen[0].argmax(), (101, 101))
    assert column == pytest.approx(50 + 50.5 * math.tan(math.radians(20)), abs=1.5)
    assert row < 50


def test_field_of_view_reaches_the_edges():
    rays = directions(Camera(yaw=0, pitch=0, fov=90), 200, 200)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=0), 1.0, atol=1e-12)
    angle = np.degrees(np.arctan2(rays[0, 100, -1], rays[2, 100, -1]))
    assert angle == pytest.approx(45, abs=0.3)


def test_constant_light_stays_constant_across_the_seam():
    seen = view(np.full((3, 64, 128), 3.0, dtype=np.float32), Camera(yaw=180, pitch=89, fov=100), 32, 48)
    np.testing.assert_allclose(seen, 3.0, rtol=1e-6)


def test_impossible_field_of_view():
    with pytest.raises(ValueError, match="field of view"):
        Camera(yaw=0, pitch=0, fov=180)
