import numpy as np
import pytest

from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.shot_levels import ShotLevels
from lumaflux.media.video.shots import find_shots, signature


def frames_of(levels, rng):
    for level in levels:
        yield (level + 0.02 * rng.random((3, 24, 32))).astype(np.float32)


@pytest.mark.parametrize("levels", [[0.3], [0.3] * 5, [0.2] * 12 + [0.6] * 7 + [0.2] * 20, [0.1] * 3 + [0.7] * 3])
def test_shots_are_those_of_the_whole_clip(levels):
    rng = np.random.default_rng(1)
    frames = list(frames_of(levels, rng))
    measured, alone = ShotLevels(), LightLevels()
    for frame in frames:
        measured.add_pq(frame)
        alone.add_pq(frame)
    measured.end()
    wanted = find_shots([signature(frame) for frame in frames])
    assert [range(shot.first, shot.last + 1) for shot in measured.shots] == wanted
    assert (measured.max_cll, measured.max_fall) == (alone.max_cll, alone.max_fall)
    assert max(shot.max_cll for shot in measured.shots) == alone.max_cll
    for shot in measured.shots:
        part = LightLevels()
        for frame in frames[shot.first : shot.last + 1]:
            part.add_pq(frame)
        assert (shot.max_cll, shot.max_fall) == (part.max_cll, part.max_fall)
        assert shot.percentiles[50.0] == part.percentile_nits(50)


def test_no_frames_have_no_shots():
    levels = ShotLevels()
    levels.end()
    assert levels.shots == []
