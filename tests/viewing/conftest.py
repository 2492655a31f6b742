"""A clip of known light."""

from fractions import Fraction

import numpy as np
import pytest
from hdr10_video import hdr10_writer
from lit_pictures import light

from lumaflux.color import pq


@pytest.fixture(scope="session")
def hdr_clip(tmp_path_factory):
    """Two shots of eight frames each: 50 cd/m2, then 400 beside 5."""
    path = tmp_path_factory.mktemp("clip") / "two-shots.mp4"
    rate = Fraction(24)
    with hdr10_writer(path, (64, 48), time_base=1 / rate, frame_rate=rate, crf=10) as writer:
        for number in range(16):
            nits = light((50,) if number < 8 else (400, 5), (48, 64))
            writer.write(np.asarray(pq.inverse_eotf(nits), np.float32), number)
    return path
