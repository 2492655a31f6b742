"""Frame sets: read, written, cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.errors import UserError
from lumaflux.media.stills.frame_numbers import frame_list, frames_text, in_chunks


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", [7]),
        ("1001-1003", [1001, 1002, 1003]),
        ("1-9x2,30", [1, 3, 5, 7, 9, 30]),
        ("1-9:4", [1, 5, 9]),
        ("9-7", [7, 8, 9]),
        ("5,1-3,2", [1, 2, 3, 5]),
        ("-3--1, 1", [-3, -2, -1, 1]),
    ],
)
def test_sets(text, frames):
    assert frame_list(text) == frames


@pytest.mark.parametrize("text", ["", "a", "1-", "1-9x0", "1.5", "1-99999999999"])
def test_no_sets(text):
    with pytest.raises(UserError):
        frame_list(text)


@given(st.sets(st.integers(-50, 200), min_size=1))
def test_written_and_read_again(frames):
    assert frame_list(frames_text(frames)) == sorted(frames)


@given(st.lists(st.integers(), max_size=50), st.integers(1, 9))
def test_chunks_are_the_whole(frames, size):
    chunks = in_chunks(frames, size)
    assert [frame for chunk in chunks for frame in chunk] == frames
    assert all(len(chunk) == size for chunk in chunks[:-1])
