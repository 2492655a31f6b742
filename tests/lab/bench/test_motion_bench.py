"""The flicker of points that are followed: none of a picture that only moves, known flicker by its amount."""

import numpy as np
import pytest

from lumaflux.lab.bench.motion import roughness


@pytest.mark.parametrize("step", [0, 3])
def test_moving_is_no_flicker(step):
    wide = np.random.default_rng(0).random((60, 120))
    frames = [wide[:, step * number : step * number + 100] for number in range(5)]
    assert roughness(frames, step) == 0
    flickering = [frame + 0.5 * (number % 2) for number, frame in enumerate(frames)]
    assert roughness(flickering, step) == pytest.approx(1.0)
    assert roughness(frames, step + 1) > 0.1
