import colour
import numpy as np
import pytest

from lumaflux.media.metadata.light_levels import LightLevels


def _pq(nits):
    return colour.models.eotf_inverse_ST2084(np.asarray(nits, dtype=np.float64)).astype(np.float32)


def test_levels_of_known_light():
    levels = LightLevels()
    first = np.zeros((3, 4, 5))
    first[1, 0, 0] = 1000.0
    second = np.full((3, 4, 5), 50.0)
    second[2] = 80.4
    for nits in (first, second):
        levels.add_pq(_pq(nits))
    assert levels.frames == 2
    assert levels.max_cll_nits == pytest.approx(1000, rel=1e-5)
    assert levels.max_fall_nits == pytest.approx(80.4, rel=1e-5)
    assert (levels.max_cll, levels.max_fall) == (1000, 81)  # an upper bound: rounded up


def test_light_and_signal_give_the_same():
    nits = 10 ** np.random.default_rng(5).uniform(-2, 3.5, (3, 20, 30))
    from_light, from_signal = LightLevels(), LightLevels()
    from_light.add_nits(nits)
    from_signal.add_pq(_pq(nits))
    assert from_light.max_cll_nits == pytest.approx(nits.max(), rel=1e-12)
    assert from_light.max_fall_nits == pytest.approx(nits.max(axis=0).mean(), rel=1e-12)
    assert from_signal.max_cll_nits == pytest.approx(from_light.max_cll_nits, rel=2e-5)
    assert from_signal.max_fall_nits == pytest.approx(from_light.max_fall_nits, rel=2e-5)


def test_percentiles_of_a_log_uniform_picture():
    nits = np.broadcast_to(np.geomspace(1, 1000, 2001), (3, 1, 2001))
    levels = LightLevels()
    levels.add_nits(nits)
    for percent, want in ((50, 10**1.5), (99, 10**2.97), (100, 1000)):
        assert levels.percentile_nits(percent) == pytest.approx(want, rel=5e-3)


def test_black_is_not_unknown():
    levels = LightLevels()
    levels.add_pq(np.zeros((3, 2, 2), dtype=np.float32))
    assert (levels.max_cll, levels.max_fall) == (1, 1)


def test_memory_does_not_grow():
    levels = LightLevels()
    frame = np.full((3, 2, 2), 0.5, dtype=np.float32)
    sizes = set()
    for _ in range(50):
        levels.add_pq(frame)
        sizes.add(levels.histogram.nbytes)
    assert len(sizes) == 1
    assert levels.histogram.sum() == 200


@pytest.mark.parametrize(
    "frame", [np.zeros((2, 2)), np.zeros((4, 2, 2)), np.zeros((3, 0, 2)), np.full((3, 2, 2), np.nan)]
)
def test_bad_frames_are_refused(frame):
    with pytest.raises(ValueError, match=r"shape \[3, H, W\]|finite"):
        LightLevels().add_pq(frame)


def test_percentiles_need_frames_and_a_percentage():
    with pytest.raises(ValueError, match="No frame"):
        LightLevels().percentile_nits(50)
    with pytest.raises(ValueError, match="0 to 100"):
        LightLevels().percentile_nits(101)
