"""The native light of a frame agrees with its NumPy reference, in any size and with any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.media.metadata.light_levels import LightLevels, light_of_frame_reference

native = pytest.importorskip("lumaflux_native", reason="installed without a compiler")
BINS = 1 << 14


@settings(deadline=None, max_examples=60)
@given(height=st.integers(1, 60), width=st.integers(1, 50), threads=st.integers(1, 3), seed=st.integers(0, 999))
def test_it_agrees_with_its_reference(height, width, threads, seed):
    picture = np.random.default_rng(seed).uniform(-0.1, 1.1, (3, height, width)).astype(np.float32)
    histogram, largest, mean = native.light_of_frame(picture, BINS, threads)
    reference = light_of_frame_reference(picture)
    assert reference is not None
    np.testing.assert_array_equal(histogram, reference[0])
    np.testing.assert_array_equal(largest, np.array(reference[1], dtype=np.float32))
    assert mean == pytest.approx(reference[2], rel=2e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 60), st.integers(1, 50), st.integers(0, 99))
def test_threads_change_nothing(height, width, seed):
    picture = np.random.default_rng(seed).random((3, height, width), dtype=np.float32)
    first, *rest = (native.light_of_frame(picture, BINS, threads) for threads in (1, 2, 5))
    for other in rest:
        np.testing.assert_array_equal(first[0], other[0])
        assert first[1:] == other[1:]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 39, 7), (2, 20, 3)])
def test_one_value_that_is_not_finite_is_found(bad, place):
    picture = np.full((3, 40, 8), 0.5, np.float32)
    picture[place] = bad
    assert native.light_of_frame(picture, BINS, 2) is None
    with pytest.raises(ValueError, match="finite"):
        LightLevels().add_pq(picture)


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match="3,H,W"):
        native.light_of_frame(np.zeros((2, 4, 4), np.float32), BINS, 1)
