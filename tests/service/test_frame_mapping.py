"""Where in a file a host's frames are found: trims, renumbering, speed, other files, held and flat pictures."""

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.service.frame_mapping import Sample, file_start, thumbnail


def picture(number, seed=0):
    """A textured scene that a camera passes, 3 pixels a frame."""
    scene = np.random.default_rng(seed).random((3, 36, 400)).astype(np.float32)
    scene = sum(np.roll(scene, shift, axis) for shift in range(8) for axis in (1, 2)) / 16
    return scene[:, :, 3 * number : 3 * number + 64]


FILM = np.stack([thumbnail(picture(n)) for n in range(60)]).astype(np.float16)


def samples(host, shown):
    return [Sample(frame, thumbnail(picture(n))) for frame, n in zip(host, shown, strict=True)]


@pytest.mark.parametrize(("first", "trimmed"), [(0, 0), (1001, 0), (86400, 17), (-5, 3), (12, 12)])
def test_a_trimmed_and_renumbered_clip_is_found(first, trimmed):
    host = [first + n for n in (0, 10, 21, 33)]
    found = file_start(samples(host, [trimmed + n for n in (0, 10, 21, 33)]), FILM, first, "clip.mov")
    assert found == first - trimmed


def test_a_grade_and_grain_do_not_hide_a_frame():
    noise = np.random.default_rng(1)
    seen = [Sample(100 + n, thumbnail(0.6 * picture(7 + n) + 0.1 + 0.02 * noise.random((3, 36, 64)))) for n in (0, 20)]
    assert file_start(seen, FILM, 100, "clip.mov") == 93


@pytest.mark.parametrize("speed", [2.0, 0.5, -1.0])
def test_a_retime_is_told(speed):
    shown = [int(30 + speed * n) for n in (0, 6, 12)]
    with pytest.raises(UserError, match=rf"clip.mov at {speed:.3g} times its speed"):
        file_start(samples([100, 106, 112], shown), FILM, 100, "clip.mov")


def test_another_file_is_told():
    other = [Sample(5 + n, thumbnail(picture(n, seed=9))) for n in (0, 9)]
    with pytest.raises(UserError, match=r"the host's frame \d+ shows no frame of clip.mov"):
        file_start(other, FILM, 5, "clip.mov")


def test_of_places_that_look_alike_the_clip_s_own_start_is_taken():
    held = np.repeat(FILM[:1], 40, 0)
    assert file_start(samples([1001, 1011], [0, 0]), held, 1001, "held.mov") == 1001
    black = [Sample(7, thumbnail(np.zeros((3, 36, 64)))), *samples([8], [0])]
    film = np.concatenate([np.zeros((1, FILM.shape[1]), np.float16), FILM[:5]])
    assert file_start(black, film, 7, "clip.mov") == 7


def test_a_clip_longer_than_its_file_is_another():
    with pytest.raises(UserError, match="speed"):
        file_start(samples([0, 30, 100], [0, 30, 59]), FILM, 0, "clip.mov")


@pytest.mark.parametrize("shape", [(3, 5, 7), (3, 9, 16), (3, 1080, 1920)])
def test_thumbnails_of_any_size(shape):
    found = thumbnail(np.random.default_rng(0).random(shape).astype(np.float32))
    assert found.shape == (144,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
