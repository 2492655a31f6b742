"""What travels with the pictures: timecode, place, camera, captions, projection, cropping; or is named as lost."""

import io
import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hdr10_video import hdr10_writer, streams_of
from PIL import Image

from lumaflux.media.metadata.info import probe
from lumaflux.media.video import ebml, isobmff
from lumaflux.media.video.beside import beside
from lumaflux.media.video.captions import captions_of
from lumaflux.media.video.intermediate_streams import Ffv1Encoding
from lumaflux.media.video.reader import VideoReader
from lumaflux.media.video.source import open_container
from lumaflux.media.video.stream_copy import StreamCopy
from lumaflux.media.video.timecode import later
from lumaflux.media.video.writer import VideoWriter

NTSC, PAL = Fraction(30000, 1001), Fraction(25)


@pytest.mark.parametrize(
    ("timecode", "frames", "rate", "wanted"),
    [
        ("01:00:00:00", 25, PAL, "01:00:01:00"),
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),  # numbers 0 and 1 of a minute are left out
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),  # but not of the tenth
        ("01:00:00;02", 1798, NTSC, "01:01:00;02"),
        ("00:00:00;00", 17982, NTSC, "00:10:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("23:59:59:24", 1, PAL, "00:00:00:00"),
        ("00:00:59:29", 1, NTSC, "00:01:00:00"),  # non-drop
        ("10:00:00.00", 0, NTSC, "10:00:00.00"),
        ("00:00:00:30", 1, PAL, None),
        ("soon", 1, PAL, None),
    ],
)
def test_later_addresses(timecode, frames, rate, wanted):
    assert later(timecode, frames, rate) == wanted


def test_every_address_of_an_hour_follows_the_one_before():
    before = "00:59:00;02"
    seen = {before}
    for number in range(1, 3600):
        here = later("00:59:00;02", number, NTSC)
        assert here == later(before, 1, NTSC)
        assert here not in seen
        assert not here.endswith((";00", ";01")) or here[6:8] != "00" or here[4] == "0"
        seen.add(here)
        before = here


def source_clip(path, *, rate=PAL, metadata=None, stream=None, codec="libx264", options=None, frames=20):
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        video: Any = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata.update(stream or {})
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * (number % 25), np.uint8), format="rgb24")
            container.mux(video.encode(frame.reformat(format="yuv420p")))
        container.mux(video.encode(None))
    return path


def found_beside(path, start=Fraction(0)):
    with open_container(path) as container:
        return beside(container, probe(path), start)


def converted(source, target, frames=20):
    with VideoReader(source) as reader:
        info = reader.info
        writer = hdr10_writer(
            target,
            (info.width, info.height),
            time_base=info.time_base,
            frame_rate=info.frame_rate or Fraction(25),
            copied=streams_of(source),
            overwrite=True,
        )
        with writer:
            for number, frame in enumerate(reader):
                if number < frames:
                    writer.write(frame.sdr * np.float32(0.6), frame.pts, frame.duration)
    return writer


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("timecode", "rate"), [("01:00:00;02", NTSC), ("10:20:30:12", PAL), ("00:00:00:00", Fraction(24000, 1001))]
)
def test_timecode_travels(tmp_path, suffix, timecode, rate):
    source = source_clip(tmp_path / "in.mov", rate=rate, stream={"timecode": timecode}, codec="mpeg4")
    target = tmp_path / f"out{suffix}"
    writer = converted(source, target)
    assert writer.notes == []
    with av.open(str(target)) as container:
        found = {key.lower(): text for key, text in container.streams.video[0].metadata.items()}
        assert found["timecode"] == timecode
        assert not [s for s in container.streams if s.type == "audio"]


def test_the_timecode_of_a_part_is_that_of_its_first_frame(tmp_path):
    source = source_clip(tmp_path / "in.mov", stream={"timecode": "01:00:00:20"}, codec="mpeg4")
    assert found_beside(source, Fraction(8, 25)).metadata["timecode"] == "01:00:01:03"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_time_place_and_camera_travel(tmp_path, suffix):
    said = {
        "creation_time": "2024-03-01T12:34:56.000000Z",
        "location": "+48.8577+002.2950/",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 15",
        "title": "A walk",
    }
    source = source_clip(tmp_path / "in.mov", metadata=said, options={"movflags": "use_metadata_tags"})
    target = tmp_path / f"out{suffix}"
    converted(source, target)
    with av.open(str(target)) as container:
        found = {key.lower(): text for key, text in container.metadata.items()}
    for key, text in said.items():
        assert found[key].startswith(text[:19]), key


def test_language_and_title_of_the_pictures_travel(tmp_path):
    source = source_clip(tmp_path / "in.mkv", stream={"language": "fra", "title": "angle 2"})
    converted(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        metadata = container.streams.video[0].metadata
    assert (metadata["language"], metadata["title"]) == ("fra", "angle 2")


def captioned(path, source, first=0):
    """``source`` with a caption in an SEI of every picture from ``first`` on, which says the picture's number."""
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        copy = target.add_stream_from_template(container.streams.video[0], opaque=True)
        tick = container.streams.video[0].time_base
        for packet in container.demux(video=0):
            if not packet.size:
                continue
            number = round(packet.pts * tick * 25)
            payload = b"\xb5\x00\x31GA94\x03\x41\xff\xfc" + bytes([0x80 | number & 0x7F, 0x20]) + b"\xff"
            sei = b"\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
            said = struct.pack(">I", len(sei)) + sei if number >= first else b""
            made = av.Packet(said + bytes(packet))
            made.pts, made.dts, made.time_base, made.duration = packet.pts, packet.dts, tick, packet.duration
            made.is_keyframe, made.stream = packet.is_keyframe, copy
            target.mux(made)
    return path


def captions(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    data = [bytes(item) for frame in frames for item in frame.side_data if item.type.name == "A53_CC"]
    return len(frames), [each[1] & 0x7F for each in data]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_closed_captions_stay_with_their_pictures(tmp_path, suffix):
    source = captioned(tmp_path / "cc.mp4", source_clip(tmp_path / "in.mp4"))
    assert captions(source) == (20, list(range(20)))
    target = tmp_path / f"out{suffix}"
    assert converted(source, target).notes == []
    assert captions(target) == (20, list(range(20)))


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_captions_and_sound_are_read_side_by_side(tmp_path, suffix):
    captioned(tmp_path / "cc.mp4", source_clip(tmp_path / "in.mp4", frames=100))
    source = tmp_path / f"both{suffix}"
    with av.open(str(tmp_path / "cc.mp4")) as container, av.open(str(source), "w") as target:
        pictures = target.add_stream_from_template(container.streams.video[0], opaque=True)
        sound = target.add_stream("mp2", rate=16000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 64000), np.int16), format="s16p", layout="mono")
        samples.sample_rate, samples.pts = 16000, 0
        for packet in [*sound.encode(samples), *sound.encode(None)]:
            target.mux(packet)
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = pictures
                target.mux(packet)

    def sounds(path):
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert converted(source, tmp_path / "out.mkv", frames=100).notes == []
    assert captions(tmp_path / "out.mkv") == (100, list(range(100)))
    assert sounds(tmp_path / "out.mkv") == sounds(source)


def test_sound_is_not_held_for_captions_that_have_ended(tmp_path):
    captioned(tmp_path / "cc.mp4", source_clip(tmp_path / "in.mp4", frames=20))
    with av.open(str(tmp_path / "cc.mp4")) as container, av.open(str(tmp_path / "long.mkv"), "w") as target:
        pictures = target.add_stream_from_template(container.streams.video[0], opaque=True)
        sound = target.add_stream("mp2", rate=16000, layout="mono")
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = pictures
                target.mux(packet)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 60 * 16000), np.int16), format="s16p", layout="mono")
        samples.sample_rate, samples.pts = 16000, 0
        for packet in [*sound.encode(samples), *sound.encode(None)]:
            target.mux(packet)
    held = []
    with open_container(tmp_path / "long.mkv") as container, av.open(str(tmp_path / "out.mkv"), "w") as target:
        copy = StreamCopy(container, streams_of(tmp_path / "long.mkv"), target, "out.mkv")
        for number in range(20):
            assert copy.caption(Fraction(number, 25), Fraction(1, 25))
            held.append(len(copy._waiting) * 1152 / 16000)  # seconds
            copy.advance(number / 25)
        copy.finish()
    assert max(held) < 12


def test_captions_that_begin_late_are_kept(tmp_path):
    source = captioned(tmp_path / "cc.mp4", source_clip(tmp_path / "in.mp4", frames=150), first=140)
    with open_container(source) as container, av.open(str(tmp_path / "out.mkv"), "w") as target:
        copy = StreamCopy(container, streams_of(source), target, "out.mkv")
        messages = [copy.caption(Fraction(number, 25), Fraction(1, 25)) for number in range(150)]
    assert [number for number, message in enumerate(messages) if message] == list(range(140, 150))
    assert copy.captioned == 10


def test_captions_are_named_where_a_codec_holds_none(tmp_path):
    source = captioned(tmp_path / "cc.mp4", source_clip(tmp_path / "in.mp4"), first=5)
    encoding = Ffv1Encoding(
        width=64, height=48, time_base=1 / PAL, frame_rate=PAL, sample_aspect_ratio=Fraction(1), display=None
    )
    with VideoWriter(tmp_path / "out.mkv", (64, 48), encoding, copied=streams_of(source)) as writer:
        for number in range(20):
            writer.write(np.full((3, 48, 64), 0.4, np.float32), number, 1)
    assert writer.notes == ["Closed captions of 15 pictures are left out: FFV1 holds none here."]


def test_a_second_video_is_named_with_what_people_know_it_by(tmp_path):
    source_clip(tmp_path / "one.mkv", stream={"language": "fra", "title": "angle 1"})
    source_clip(tmp_path / "two.mkv", stream={"language": "deu", "title": "angle 2"})
    with av.open(str(tmp_path / "both.mkv"), "w") as both:
        inputs = [av.open(str(tmp_path / f"{name}.mkv")) for name in ("one", "two")]
        copies = [both.add_stream_from_template(each.streams.video[0], opaque=True) for each in inputs]
        for each, copy in zip(inputs, copies, strict=True):
            copy.metadata.update(each.streams.video[0].metadata)
        for each, copy in zip(inputs, copies, strict=True):
            for packet in each.demux(video=0):
                if packet.size:
                    packet.stream = copy
                    both.mux(packet)
            each.close()
    writer = converted(tmp_path / "both.mkv", tmp_path / "out.mkv")
    (note,) = (note for note in writer.notes if "second video" in note)
    assert note == "second video stream 1 (h264, deu, angle 2) is left out: one video stream is converted."
    with av.open(str(tmp_path / "out.mkv")) as container:
        metadata = container.streams.video[0].metadata
    assert (metadata["language"], metadata["title"]) == ("fra", "angle 1")


def test_captions_in_coded_pictures():
    body = b"\x42\xff\xfc\x94\x20\xfc\x00\x00\xff"
    assert captions_of(b"\0\0\1\xb2GA94\x03" + body, "mpeg2video") == b"GA94\x03" + body
    escaped = b"GA94\x03\x42\xff\xfc\x94\x20\xfc\x00\x00\x03\x01\xff"
    assert captions_of(escaped, "h264") == b"GA94\x03\x42\xff\xfc\x94\x20\xfc\x00\x00\xff"
    assert captions_of(b"GA94\x03\x40", "h264") is None
    assert captions_of(b"nothing", "h264") is None


def with_sphere(source, path, projection, stereo):
    with source.open("rb") as file:
        chain = isobmff.find(file, isobmff.video_entry(b"")[:-1])
        entry = next(iter(isobmff.visual_entries(file)))
    shape = isobmff.box(b"equi", bytes(20)) if projection == "equi" else isobmff.box(b"cbmp", bytes(12))
    head = isobmff.box(b"prhd", bytes(4) + struct.pack(">3i", 90 << 16, 0, 0))
    sphere = isobmff.box(b"svhd", bytes(4) + b"test\0") + isobmff.box(b"proj", head + shape)
    boxes = isobmff.box(b"st3d", bytes(4) + bytes([stereo])) + isobmff.box(b"sv3d", sphere)
    path.write_bytes(isobmff.append(source.read_bytes(), [*chain, entry], boxes))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("projection", "stereo"), [("equi", 0), ("equi", 1), ("cbmp", 2)])
def test_spherical_video_stays_spherical(tmp_path, suffix, projection, stereo):
    source = with_sphere(source_clip(tmp_path / "in.mp4"), tmp_path / "vr.mp4", projection, stereo)

    def sphere(path):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
        data = {item.type.name: bytes(item) for item in frame.side_data}
        return struct.unpack_from("=2i", data["SPHERICAL"]), struct.unpack_from("=i", data.get("STEREO3D", bytes(4)))

    assert sphere(source)[0] == ({"equi": 0, "cbmp": 1}[projection], 90 << 16)
    target = tmp_path / f"out{suffix}"
    converted(source, target)
    assert sphere(target) == sphere(source)


def test_edges_that_matroska_hides_are_cut_off(make_clip, bars, bars_frame, tmp_path):
    """Its Colour element is overwritten: two columns left, four rows on top."""
    path = make_clip("in.mkv", [bars_frame(bars["bt709"])] * 3, tags=(1, 1, 1, 1))
    whole = next(iter(VideoReader(path))).sdr
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        element = next(ebml.track_elements(file, ebml.VIDEO, ebml.COLOUR))
    start = data.rfind(b"\x55\xb0", 0, element.payload)
    crop = b"\x54\xcc\x81\x02" + b"\x54\xbb\x81\x04"
    left = element.end - start - len(crop)
    data[start : element.end] = crop + b"\xec" + bytes([0x80 | (left - 2)]) + bytes(left - 2)
    path.write_bytes(bytes(data))
    with VideoReader(path) as reader:
        frame = next(iter(reader)).sdr
        assert (reader.info.width, reader.info.height) == (62, 44)
    assert frame.shape == (3, 44, 62)
    assert np.abs(frame[:, 10, ::8] - whole[:, 14, 2::8]).max() < 0.05  # the guessed matrix differs


def test_alpha_in_a_second_stream_of_vp9_is_named(tmp_path):
    source = source_clip(tmp_path / "in.webm", stream={"alpha_mode": "1"}, codec="libvpx-vp9")
    assert any("Alpha is left out" in sentence for sentence in found_beside(source).lost)


def test_an_unknown_second_sound_does_not_cost_the_first(make_clip, bars, bars_frame, tmp_path):
    with av.open(str(tmp_path / "two.mov"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        for _ in range(5):
            container.mux(video.encode(bars_frame(bars["bt709"])))
        container.mux(video.encode(None))
        for sound in sounds:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
            samples.sample_rate = 8000
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
    data = (tmp_path / "two.mov").read_bytes()
    place = data.rfind(b"sowt")
    source = tmp_path / "apac.mov"
    source.write_bytes(data[:place] + b"apac" + data[place + 4 :])
    for suffix in (".mp4", ".mov", ".mkv") if probe(source).audio[0].codec == "aac" else (".mov", ".mkv"):
        writer = converted(source, tmp_path / f"out{suffix}", frames=5)
        assert any("stream 2 is left out: its codec is unknown" in note for note in writer.notes)
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            assert len(container.streams.audio) == 1


def test_side_data_that_the_library_has_no_name_for_hides_nothing(tmp_path):
    """Motion JPEG of cameras carries Exif in every picture, which libavutil gives as a kind that PyAV does not know."""
    with av.open(str(tmp_path / "camera.mov"), "w") as target:
        video = target.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuvj420p"
        for number in range(3):
            held, picture = io.BytesIO(), Image.new("RGB", (64, 48), (10 * number, 90, 90))
            exif = picture.getexif()
            exif[0x010F], exif[0x0112] = "Maker", 1
            picture.save(held, "JPEG", exif=exif)
            packet = av.Packet(held.getvalue())
            packet.pts = packet.dts = number
            packet.time_base, packet.is_keyframe, packet.stream = 1 / PAL, True, video
            target.mux(packet)
    info = probe(tmp_path / "camera.mov")
    assert (info.codec, info.width, info.rotation) == ("mjpeg", 64, 0)
    with open_container(tmp_path / "camera.mov") as container:
        kinds = [item.type.name for item in next(container.decode(video=0)).side_data]
    assert [kind for kind in kinds if kind.startswith("UNKNOWN_")]
    with VideoReader(tmp_path / "camera.mov") as reader:
        assert len(list(reader)) == 3
