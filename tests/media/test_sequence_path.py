"""Names of sequences and of frames."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.errors import UserError
from lumaflux.media.stills.frame_numbers import frames_text, parse_frames
from lumaflux.media.stills.sequence_path import SequencePath


@pytest.mark.parametrize(
    ("name", "number", "file"),
    [
        ("a.%04d.exr", 12, "a.0012.exr"),
        ("a.####.exr", 12, "a.0012.exr"),
        ("a.@.exr", 12, "a.12.exr"),
        ("a_%d", 7, "a_7"),
        ("%06d.png", -3, "-000003.png"),
        ("a.##.exr", 12345, "a.12345.exr"),
    ],
)
def test_files_of_numbers(name, number, file):
    path = SequencePath.parse(Path("dir") / name)
    assert path is not None
    assert path.file(number) == Path("dir") / file


def test_what_is_no_sequence(tmp_path):
    assert SequencePath.parse(Path("a.exr")) is None
    (tmp_path / "take#1.mp4").write_bytes(b"x")
    assert SequencePath.parse(tmp_path / "take#1.mp4") is None  # a file of that very name
    with pytest.raises(UserError, match="two places"):
        SequencePath.parse(Path("a.%04d.##.exr"))
    with pytest.raises(UserError, match="digits"):
        SequencePath.parse(Path("a.%099d.exr"))
    with pytest.raises(UserError, match="no directory"):
        SequencePath.parse(tmp_path / "none" / "a.%04d.exr").numbers()
    with pytest.raises(UserError, match="none of that name"):
        SequencePath.parse(tmp_path / "a.%04d.exr").numbers()


def test_numbers_on_disk(tmp_path):
    for name in ("a.0001.exr", "a.0010.exr", "a.10000.exr", "a.2.exr", "b.0003.exr", "a.0004.png", "a.-0005.exr"):
        (tmp_path / name).touch()
    path = SequencePath.parse(tmp_path / "a.%04d.exr")
    assert path is not None
    assert path.numbers() == [-5, 1, 10, 10000]


@given(st.sets(st.integers(-2000, 2000), min_size=1, max_size=40))
def test_text_and_numbers_are_inverse(numbers):
    assert set(parse_frames(frames_text(numbers))) == numbers


@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 9))
def test_both_notations_of_steps(start, length, step):
    text = f"{start}-{start + length}"
    wanted = list(range(start, start + length + 1, step))
    assert list(parse_frames(f"{text}x{step}")) == list(parse_frames(f"{text}:{step}")) == wanted
