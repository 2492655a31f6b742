import numpy as np
import pytest

from lumaflux.lab.data.curation.degradation import degrade, through_jpeg, through_x264
from lumaflux.lab.data.curation.specification import CorpusSpecification

STILL = np.repeat(0.7 * np.random.default_rng(0).random((1, 3, 8, 8), np.float32), 4, axis=0).repeat(8, 2).repeat(8, 3)


def test_a_clip_has_one_look():
    """Four equal masters, uncompressed, give four equal SDR frames; other seeds give other looks."""
    specification = CorpusSpecification(name="x", size=64, uncompressed=1.0)
    looks = [degrade(STILL, specification, seed, video=True) for seed in range(12)]
    for look in looks:
        assert all(np.array_equal(look.frames[0], frame) for frame in look.frames)
        assert look.rendering.crf is None
    assert len({look.frames.tobytes() for look in looks}) >= 9  # two may be by one operator at its standard
    assert len({look.rendering.name for look in looks}) >= 5


def test_compression_follows_the_medium():
    specification = CorpusSpecification(name="x", size=64, uncompressed=0.0)
    assert degrade(STILL, specification, 5, video=True).rendering.crf in (23, 31, 39)
    assert 60 <= (degrade(STILL, specification, 5, video=False).rendering.jpeg or 0) <= 95


@pytest.mark.parametrize(("coarse", "fine"), [(39, 23), (31, 23)])
def test_x264_damages_more_at_a_higher_crf(coarse: int, fine: int):
    frames = (255 * STILL).astype(np.uint8)
    errors = [np.abs(through_x264(frames, crf).astype(int) - frames).mean() for crf in (coarse, fine)]
    assert errors[0] > errors[1] > 0


def test_jpeg_damages_more_at_a_lower_quality():
    frames = (255 * STILL).astype(np.uint8)
    errors = [np.abs(through_jpeg(frames, quality).astype(int) - frames).mean() for quality in (60, 95)]
    assert errors[0] > errors[1] > 0
