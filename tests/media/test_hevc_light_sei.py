import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.media.video.hevc_light_sei import content_light_nal, escape, short_content_light_nal

LEVEL = st.integers(1, 65535)


def _unescape(nal: bytes) -> bytes:
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


@given(LEVEL, LEVEL)
def test_fixed_size_and_readable_values(cll, fall):
    nal = content_light_nal(cll, fall)
    assert len(nal) == 13
    raw = _unescape(nal)
    assert raw[:4] == bytes([0x4E, 0x01, 144, 4])
    assert (int.from_bytes(raw[4:6], "big"), int.from_bytes(raw[6:8], "big")) == (cll, fall)
    assert raw[8] == 3  # filler payload
    assert raw[10:-1] == b"\xff" * raw[9]
    assert raw[-1] == 0x80


@pytest.mark.parametrize(("cll", "fall"), [(256, 1), (256, 3), (1024, 2), (65280, 3)])
def test_the_pairs_that_need_an_emulation_prevention_byte(cll, fall):
    nal = content_light_nal(cll, fall)
    assert len(nal) == 13
    assert b"\x00\x00\x03" in nal


@given(st.binary(max_size=40))
def test_escaped_bytes_hold_no_start_code(payload):
    escaped = escape(payload)
    assert not any(bytes([0, 0, last]) in escaped.replace(b"\x00\x00\x03", b"\x00\x01") for last in (0, 1, 2))


@given(LEVEL, LEVEL)
def test_short_form_is_the_long_one_without_filler(cll, fall):
    short = _unescape(short_content_light_nal(cll, fall))
    assert short == _unescape(content_light_nal(cll, fall))[:8] + b"\x80"


def test_unknown_levels_have_no_fixed_form():
    with pytest.raises(ValueError, match="1 to 65535"):
        content_light_nal(0, 0)
