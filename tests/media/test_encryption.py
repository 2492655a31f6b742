"""Encrypted pictures are called encrypted, and not damaged; boxes are found in entries of codecs that nobody knows."""

import io
import struct

import av
import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.video import ebml, isobmff
from lumaflux.media.video.encryption import encryption
from lumaflux.media.video.hdr_marks import dolby_vision

KEY = "00112233445566778899aabbccddeeff"
CENC = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": KEY, "encryption_kid": KEY}


def written(path, options=None, codec="libx264", sound=False):
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=48000) if sound else None
        for number in range(5):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        if audio is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((2, 9600), np.float32), format="fltp", layout="stereo")
            samples.sample_rate = 48000
            container.mux([*audio.encode(samples), *audio.encode()])
    return path


def renamed(path, new):
    """The sample entry of the pictures under another name."""
    with path.open("r+b") as file:
        (entry,) = isobmff.visual_entries(file)
        file.seek(entry.start + 4)
        file.write(new)
    return path


def with_child(path, kind, payload):
    """A box more inside the pictures' sample entry."""
    with path.open("rb") as file:
        (entry,) = isobmff.visual_entries(file)
        chain = [*isobmff.find(file, isobmff.video_entry(b"")[:-1]), entry]
    path.write_bytes(isobmff.append(path.read_bytes(), chain, isobmff.box(kind, payload)))
    return path


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_common_encryption(tmp_path, codec):
    path = written(tmp_path / "a.mp4", CENC, codec)
    with pytest.raises(UserError, match=r"is encrypted \(its sample entry is 'encv', with .*decrypt it first"):
        probe(path)


def test_protection_by_other_names(tmp_path):
    path = renamed(written(tmp_path / "a.m4v"), b"drmi")
    assert "'drmi'" in str(encryption(path, "mov,mp4", 1))
    path = with_child(renamed(written(tmp_path / "b.mp4"), b"hvc1"), b"sinf", bytes(12))
    assert "'hvc1'" in str(encryption(path, "mov,mp4", 1))


def scrambled(path, pid=None):
    """Every packet of the pictures, with the bits of scrambling set."""
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 188):
        if int.from_bytes(content[at + 1 : at + 3], "big") & 0x1FFF == pid:
            content[at + 3] |= 0xC0
    path.write_bytes(content)


def test_scrambled_transport_streams(tmp_path):
    path = written(tmp_path / "a.ts", sound=True)
    with av.open(str(path)) as container:
        pictures, sound = (stream.id for stream in container.streams)
    assert encryption(path, "mpegts", pictures) is None
    scrambled(path, sound)
    assert probe(path).width == 64  # encrypted sound is no matter of the pictures
    scrambled(path, pictures)
    with pytest.raises(UserError, match=r"is encrypted \(its packets are scrambled\)"):
        probe(path)


def test_encrypted_matroska(tmp_path):
    path = written(tmp_path / "a.mkv")
    assert encryption(path, "matroska,webm", 0) is None
    encodings = bytes.fromhex("6d8086624083503580")
    with path.open("rb") as file:
        track = next(ebml.track_elements(file))
        tracks = ebml.find(file, (ebml.SEGMENT, ebml.TRACKS))
    content = bytearray(path.read_bytes())
    for parent in (track, tracks):
        length = next(n for n in range(1, 9) if content[parent.payload - n].bit_length() == 9 - n)
        size = slice(parent.payload - length, parent.payload)
        content[size] = (int.from_bytes(content[size], "big") + len(encodings)).to_bytes(length, "big")
    content[track.end : track.end] = encodings
    path.write_bytes(content)
    assert encryption(path, "matroska,webm", 0) == "its track has a ContentEncryption"


def test_entries_of_pictures_are_told_by_their_tracks_and_not_by_their_names(tmp_path):
    path = written(tmp_path / "a.mp4", sound=True)
    for name in (b"avc1", b"zzzz", b"\xa9\0\1\2"):
        renamed(path, name)
        with path.open("rb") as file:
            assert [entry.kind for entry in isobmff.visual_entries(file)] == [name]
            assert [box.kind for box in isobmff.find(file, (*isobmff.video_entry(name), b"avcC"))][-1:] == [b"avcC"]


def test_a_record_in_an_entry_of_another_name_counts(tmp_path):
    path = renamed(written(tmp_path / "a.mp4"), b"zzzz")
    with_child(path, b"dvcC", struct.pack(">BBBBB", 1, 0, 5 << 1, 0x05, 0) + bytes(19))
    found = dolby_vision(path, "mov,mp4,m4a,3gp,3g2,mj2")
    assert found is not None
    assert found.profile == 5


@pytest.mark.parametrize("name", [b"avc1", b"hvc1", b"zzzz"])
def test_boxes_are_blanked_in_entries_of_any_name(tmp_path, name):
    path = with_child(renamed(written(tmp_path / "a.mp4"), name), b"vexu", bytes(4))
    with path.open("r+b") as file:
        isobmff.blank(file, b"vexu")
    assert b"vexu" not in path.read_bytes()
    with path.open("rb") as file:
        (entry,) = isobmff.visual_entries(file)
        assert b"free" in [box.kind for box in isobmff.visual_children(file, entry)]


@pytest.mark.parametrize(
    "content", [b"", bytes(8), isobmff.box(b"moov", isobmff.box(b"trak", isobmff.box(b"mdia", b"")))]
)
def test_files_without_entries_have_none(content):
    assert list(isobmff.visual_entries(io.BytesIO(content))) == []
