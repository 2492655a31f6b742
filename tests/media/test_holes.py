"""Bytes that are lost or overwritten in the middle of a file are noticed in every container that has a structure."""

import struct

import av
import pytest

from lumaflux.errors import FrameError
from lumaflux.media.video import isobmff
from lumaflux.media.video.completeness import missing_end
from lumaflux.media.video.continuity import hole
from lumaflux.media.video.demuxer import selected
from lumaflux.media.video.reader import VideoReader

KINDS = {
    "a.mkv": ("libx264", {}, None),
    "live.mkv": ("libx264", {"live": "1"}, None),
    "a.webm": ("libvpx", {}, None),
    "a.ts": ("libx264", {}, None),
    "a.avi": ("mjpeg", {}, None),
    "a.flv": ("libx264", {}, None),
    "a.mxf": ("mpeg2video", {}, "mxf"),
    "a.gif": ("gif", {}, None),
    "a.ogg": ("libvpx", {}, "ogg"),
    "a.nut": ("ffv1", {}, None),
    "a.dv": ("dvvideo", {}, "dv"),
    "a.obu": ("libsvtav1", {}, "obu"),
}


def pid(path):
    with av.open(str(path)) as container:
        return container.streams.video[0].id


def checks(path, data):
    """What is said of a file that holds ``data``: that it ends early, that it has a hole."""
    with av.open(str(path)) as container:
        name, packet = container.format.name, next(container.demux(video=0)).size
    changed = path.with_name(f"changed{path.suffix}")
    changed.write_bytes(data)
    return missing_end(changed, name, packet), hole(changed, name, pid(path))


@pytest.mark.parametrize("name", KINDS)
def test_whole_files_have_no_hole_and_cut_ones_no_end(tmp_path, name, noise_clip):
    path = noise_clip(tmp_path / name, *KINDS[name])
    data = path.read_bytes()
    assert checks(path, data) == (None, None)
    for part in (0.4, 0.71, 0.97):
        end, _ = checks(path, data[: int(part * len(data)) // 188 * 188 - 5])
        assert end, part


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"a.nut", "a.obu"}))
def test_holes_are_noticed(tmp_path, name, noise_clip):
    """Zeros, as an incomplete download has them, other bytes, and bytes that are gone; as many as span a picture."""
    path = noise_clip(tmp_path / name, *KINDS[name])
    data = path.read_bytes()
    start, length = len(data) // 2, max(2000, len(data) // 8)
    rest = data[start + length :]
    for middle in (bytes(length), bytes(range(1, 252)) * (length // 251) + bytes(length % 251), b""):
        _, found = checks(path, data[:start] + middle + rest)
        if name == "a.gif" and not middle:
            continue  # its blocks of 255 bytes can fall into step again
        assert found, len(middle)
        assert "broken at byte" in found


def test_a_hole_ends_a_reading_or_is_counted(tmp_path, noise_clip):
    path = noise_clip(tmp_path / "a.webm", *KINDS["a.webm"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(FrameError, match="cannot be decoded after frame"), VideoReader(path) as reader:
        list(reader)
    with VideoReader(path, keep_going=True) as reader:
        assert len(list(reader)) < 24
    assert reader.damaged >= 1


def test_joined_transport_streams_have_no_hole(tmp_path, noise_clip):
    """Their counts leap where a picture begins; also with room that a recorder took ahead."""
    path = noise_clip(tmp_path / "a.ts", *KINDS["a.ts"])
    data = path.read_bytes()
    assert checks(path, data + data)[1] is None
    assert checks(path, data + bytes(188 * 7))[1] is None


def test_a_segment_index_announces_the_end(tmp_path):
    """A ``sidx`` box lists 3 segments of 1000 bytes of which 2 are there (ISO/IEC 14496-12 8.16.3)."""
    path = tmp_path / "a.mp4"
    for version, offsets in ((0, struct.pack(">II", 0, 0)), (1, struct.pack(">QQ", 0, 0))):
        rows = b"".join(struct.pack(">III", 1000, 1, 0x90000000) for _ in range(3))
        fields = bytes([version, 0, 0, 0]) + struct.pack(">II", 1, 25) + offsets + struct.pack(">HH", 0, 3)
        index = isobmff.box(b"sidx", fields + rows)
        segment = isobmff.box(b"moof", bytes(92)) + isobmff.box(b"mdat", bytes(892))
        head = isobmff.box(b"ftyp", b"iso6") + index
        path.write_bytes(head + 3 * segment)
        assert missing_end(path, "mov,mp4,m4a,3gp,3g2,mj2") is None
        path.write_bytes(head + 2 * segment)
        assert "1000 of" in str(missing_end(path, "mov,mp4,m4a,3gp,3g2,mj2"))
        path.write_bytes(head + 2 * segment + isobmff.box(b"moof", bytes(92)))
        assert "last fragment" in str(missing_end(path, "mov,mp4,m4a,3gp,3g2,mj2"))


def test_flash_video_states_its_size(tmp_path, noise_clip):
    path = noise_clip(tmp_path / "a.flv", *KINDS["a.flv"])
    data = path.read_bytes()
    position = 13
    for _ in range(12):  # whole tags
        position += 15 + int.from_bytes(data[position + 1 : position + 4], "big")
    assert "bytes are missing" in str(checks(path, data[:position])[0])


def test_streams_that_appear_on_the_way_are_passed_over():
    class Container:
        """As PyAV demuxes: an IndexError at a packet of a stream that it does not list, and on from there."""

        def __init__(self):
            self.packets = iter([1, 2, None, 3])

        def demux(self, stream):
            for packet in self.packets:
                if packet is None:
                    raise IndexError
                yield packet

    assert list(selected(Container(), 0)) == [1, 2, 3]


@pytest.mark.parametrize(("name", "codec", "muxer"), [("a.h264", "libx264", None), ("a.hevc", "libx265", None)])
def test_the_last_picture_of_a_raw_stream_is_whole_or_told(tmp_path, name, codec, muxer, noise_clip):
    """Decoders go on with the bytes behind it, or give the picture that memory held, and say nothing."""
    path = noise_clip(tmp_path / name, codec, {}, muxer)
    data = path.read_bytes()
    with VideoReader(path) as reader:
        assert len(list(reader)) == 24
    for part in (0.62, 0.83, 0.96):
        path.write_bytes(data[: int(part * len(data))])
        with pytest.raises(FrameError, match="cannot be decoded after frame"), VideoReader(path) as reader:
            list(reader)
        with VideoReader(path, keep_going=True) as reader:
            assert 24 * part - 4 < len(list(reader)) <= 24
        assert reader.damaged >= 1


@pytest.mark.parametrize(
    "name", ["gif", "flv", "avi", "ogg", "mxf", "mpegts", "dv", "matroska,webm", "nut", "obu", "ivf"]
)
def test_files_without_a_header_are_taken(tmp_path, name):
    for length in (1, 3, 9, 30):
        path = tmp_path / "short"
        path.write_bytes(bytes([0x47]) * length)
        hole(path, name)
        missing_end(path, name)
