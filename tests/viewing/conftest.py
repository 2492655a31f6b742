"""A clip of known light."""

from fractions import Fraction

import numpy as np
import pytest
from lit_pictures import light

from lumaflux.color import pq


@pytest.fixture(scope="session")
def hdr_clip(tmp_path_factory):
    """Two shots of eight frames each: 50 cd/m2, then 400 beside 5."""
    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.video.hdr10_stream import Hdr10Encoding
    from lumaflux.media.video.writer import VideoWriter

    path = tmp_path_factory.mktemp("clip") / "two-shots.mp4"
    encoding = Hdr10Encoding(
        width=64,
        height=48,
        time_base=Fraction(1, 24),
        frame_rate=Fraction(24),
        sample_aspect_ratio=Fraction(1),
        display=container_display(1000.0),
    ).rated(10, "ultrafast")
    with VideoWriter(path, (64, 48), encoding) as writer:
        for number in range(16):
            nits = light((50,) if number < 8 else (400, 5), (48, 64))
            writer.write(np.asarray(pq.inverse_eotf(nits), np.float32), number)
    return path
