import itertools

import numpy as np
import pytest

from lumaflux.lab.data.moves import Move, over_still, panorama_cameras, through_panorama

FOV, TURN = (75.0, 90.0), (3.0, 8.0)


def move(number=0, **more):
    common = {"name": "a/b", "seed": 1, "of": 4, "frames": 8, "width": 32, "height": 18}
    return Move(number=number, **(common | more))


def angle(a, b):
    return abs((a - b + 180) % 360 - 180)


@pytest.mark.parametrize("number", range(4))
def test_the_camera_turns_softly_by_a_few_degrees(number):
    cameras = panorama_cameras(move(number), FOV, TURN)
    steps = np.array([angle(b.yaw, a.yaw) for a, b in itertools.pairwise(cameras)])
    assert TURN[0] <= steps.sum() <= TURN[1]
    assert steps[0] < steps[3]
    assert steps[-1] < steps[3]
    assert all(FOV[0] <= camera.fov <= FOV[1] and abs(camera.pitch) < 20 for camera in cameras)


def test_the_moves_of_one_panorama_look_elsewhere():
    starts = [panorama_cameras(move(number), FOV, TURN)[0].yaw for number in range(4)]
    assert all(angle(a, b) > 80 for i, a in enumerate(starts) for b in starts[:i])


def test_name_and_seed_decide():
    light = np.random.default_rng(0).uniform(0, 5, (3, 32, 64)).astype(np.float32)

    def frames(**more):
        return np.stack(list(through_panorama(light, move(**more), FOV, TURN)))

    assert np.array_equal(frames(), frames())
    assert frames().shape == (8, 3, 18, 32)
    assert not np.array_equal(frames(), frames(seed=2))
    assert not np.array_equal(frames(), frames(name="a/c"))


def test_a_still_s_window_glides_inside_it():
    rows, columns = np.mgrid[0:90, 0:160]
    light = np.stack([columns, rows, 0 * rows + 7]).astype(np.float32)
    frames = list(over_still(light, move(), (0.6, 0.8), (0.05, 0.12), (1.0, 1.08)))
    assert len(frames) == 8
    assert frames[0].shape == (3, 18, 32)
    across, down = [frame[0].mean() for frame in frames], [frame[1].mean() for frame in frames]
    travelled = np.hypot(across[-1] - across[0], down[-1] - down[0])
    assert 0.05 * 0.6 * 160 * 0.9 < travelled < 0.12 * 0.8 * 160
    for frame in frames:
        assert frame[0].min() >= 0
        assert frame[0].max() <= 159
        np.testing.assert_allclose(frame[2], 7, rtol=1e-6)
        spacing = np.diff(frame[0].mean(0))  # of a ramp, resampled: even, at the window's scale
        np.testing.assert_allclose(spacing, spacing[0], rtol=1e-3)
        assert 0.55 * 160 / 32 < spacing[0] < 0.87 * 160 / 32


def test_a_still_smaller_than_its_frames_is_refused():
    with pytest.raises(ValueError, match="holds no frame"):
        list(over_still(np.zeros((3, 10, 20), np.float32), move(), (0.6, 0.8), (0, 0.1), (1, 1.1)))


def test_one_frame_is_a_move_too():
    assert len(panorama_cameras(move(frames=1), FOV, TURN)) == 1
