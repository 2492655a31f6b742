"""Readers of container structure take any bytes: sizes that lie, headers that the file does not hold."""

import io
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lumaflux.media.video import ebml, isobmff
from lumaflux.media.video.hdr_marks import dolby_vision


def movie():
    entry = isobmff.box(b"hvc1", bytes(78) + isobmff.box(b"dvvC", bytes([1, 0, 10, 0, 0])))
    made = isobmff.box(b"stsd", bytes(8) + entry)
    made = isobmff.box(b"minf", isobmff.box(b"stbl", made))
    made = isobmff.box(b"mdia", isobmff.box(b"hdlr", bytes(8) + b"vide") + made)
    made = isobmff.box(b"moov", isobmff.box(b"trak", made))
    return isobmff.box(b"ftyp", b"isom") + made


def transport():
    descriptor = bytes([0xB0, 5, 1, 0, 10, 1, 0])
    stream = bytes([0x24, 0xE1, 0x00, 0xF0, len(descriptor)]) + descriptor
    section = bytes([0x02, 0xB0, 9 + len(stream) + 4, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0]) + stream + bytes(4)
    packet = (bytes([0x47, 0x41, 0x00, 0x10, 0]) + section).ljust(188, b"\xff")
    return 4 * packet


def matroska():
    def element(identity, payload):
        return identity + bytes([0x08]) + struct.pack(">I", len(payload)) + payload

    mapping = element(b"\x41\xe4", element(b"\x41\xe7", b"dvvC") + element(b"\x41\xed", bytes([1, 0, 10, 0, 0])))
    tracks = element(b"\x16\x54\xae\x6b", element(b"\xae", mapping))
    return element(b"\x1a\x45\xdf\xa3", b"") + element(b"\x18\x53\x80\x67", tracks)


WHOLE = {"mov,mp4": movie(), "matroska,webm": matroska(), "mpegts": transport()}
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


@pytest.mark.parametrize("container", WHOLE)
def test_whole_ones_say_their_profile(tmp_path, container):
    path = tmp_path / "whole"
    path.write_bytes(WHOLE[container])
    record = dolby_vision(path, container)
    assert record is not None
    assert record.profile == 5


@pytest.mark.parametrize("container", WHOLE)
@given(changes=CHANGES, kept=st.floats(0, 1))
@example(changes=[], kept=0.97)
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_taken(tmp_path_factory, container, changes, kept):
    content = bytearray(WHOLE[container])
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path_factory.getbasetemp() / "lying"
    path.write_bytes(content[: round(kept * len(content))])
    dolby_vision(path, container)


@given(st.binary(max_size=64))
def test_walks_end(content):
    file = io.BytesIO(content)
    assert len(list(isobmff.top_level(file))) <= 8
    assert len(list(ebml.top_level(file))) <= 32


def test_a_wide_size_that_the_file_does_not_hold():
    assert not list(isobmff.top_level(io.BytesIO(struct.pack(">I4s", 1, b"mdat") + bytes(4))))
