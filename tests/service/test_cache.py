import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.service.cache import FrameCache


def frame(size, value=0):
    return np.full(size, value, np.uint8)


def test_the_least_recently_used_goes_first():
    cache = FrameCache(30)
    for key in "abc":
        cache.put(key, frame(10))
    cache.get("a")
    cache.put("d", frame(10))
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]


def test_a_frame_beyond_the_limit_is_not_kept_and_drops_nothing():
    cache = FrameCache(30)
    cache.put("a", frame(10))
    cache.put("b", frame(31))
    assert cache.get("b") is None
    assert cache.get("a") is not None
    cache.put("a", frame(31))
    assert cache.get("a") is None
    assert cache.held_bytes == 0


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 40)), max_size=60))
def test_bytes_are_bounded_and_counted(puts):
    cache, last = FrameCache(100), {}
    for number, (key, size) in enumerate(puts):
        cache.put(key, frame(size, number % 256))
        last[key] = (size, number % 256)
        kept = {key: cache.get(key) for key in last}
        assert cache.held_bytes == sum(f.nbytes for f in kept.values() if f is not None) <= 100
        for key_, found in kept.items():
            assert found is None or (len(found), set(found.tolist())) == (
                last[key_][0],
                {last[key_][1]} if len(found) else set(),
            )
    cache.clear()
    assert (len(cache), cache.held_bytes) == (0, 0)
