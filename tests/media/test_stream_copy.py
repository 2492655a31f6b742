"""Sound, subtitles, chapters, attachments and description go along where the container allows it."""

import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hdr10_video import hdr10_writer, streams_of

from lumaflux.errors import UserError

TB = Fraction(1, 1000)


@pytest.fixture
def rich_source(tmp_path):
    """A Matroska clip of two seconds with two sounds, subtitles, two chapters, a title and an attachment."""
    path = tmp_path / "in.mkv"
    subtitles = tmp_path / "s.srt"
    subtitles.write_text("1\n00:00:00,200 --> 00:00:00,900\nfirst\n\n2\n00:00:01,200 --> 00:00:01,800\nsecond\n")
    with av.open(str(path), "w") as container, av.open(str(subtitles)) as texts:
        container.metadata["title"] = "A title"
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        sounds[1].metadata["language"] = "fra"
        text = container.add_stream_from_template(texts.streams.subtitles[0])
        container.add_attachment("font.txt", "text/plain", b"letters")
        container.set_chapters(
            [
                {
                    "id": i,
                    "start": 1000 * i,
                    "end": 1000 * i + 1000,
                    "time_base": TB,
                    "metadata": {"title": f"part {i}"},
                }
                for i in range(2)
            ]
        )
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for sound in sounds:
            samples = av.AudioFrame.from_ndarray(np.arange(16000, dtype=np.int16)[None], format="s16", layout="mono")
            samples.sample_rate = 8000
            container.mux(sound.encode(samples))
            container.mux(sound.encode())
        for packet in texts.demux():
            if packet.size:
                packet.stream = text
                container.mux(packet)
    return path


def written(path, source, **how):
    with hdr10_writer(path, (64, 48), time_base=TB, copied=streams_of(source, **how)) as writer:
        for number in range(50):
            writer.write(np.full((3, 48, 64), 0.4, np.float32), number * 40, 40)
    return writer


def texts_of(path):
    with av.open(str(path)) as container:
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(subtitles=0) if p.size]


def test_matroska_keeps_everything(rich_source, tmp_path):
    writer = written(tmp_path / "out.mkv", rich_source)
    assert writer.notes == []
    with av.open(str(tmp_path / "out.mkv")) as out:
        kinds = sorted(stream.type for stream in out.streams)
        assert kinds == ["attachment", "audio", "audio", "subtitle", "video"]
        assert [(c["start"], c["metadata"]["title"]) for c in out.chapters()] == [(0, "part 0"), (10**9, "part 1")]
        assert out.metadata["title"] == "A title"
        attachment = next(stream for stream in out.streams if stream.type == "attachment")
        assert (attachment.name, bytes(attachment.data)) == ("font.txt", b"letters")
        assert out.streams.audio[1].language == "fra"
    assert texts_of(tmp_path / "out.mkv") == texts_of(rich_source)


def test_what_mp4_cannot_carry_is_named(rich_source, tmp_path):
    writer = written(tmp_path / "out.mp4", rich_source, sound=False)
    notes = " ".join(writer.notes)
    assert "subtitle stream 3" in notes
    assert "attachment stream 4" in notes
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert [stream.type for stream in out.streams if stream.type in ("audio", "subtitle")] == []
        assert len(out.chapters()) == 2


@pytest.fixture
def with_bitmaps(rich_source, tmp_path):
    """The same with subtitles of Blu-rays (PGS): a composition, its window and an end at 0.5, 1.0 and 1.5 s."""

    def segment(time, kind, payload):
        return b"PG" + struct.pack(">IIBH", time, 0, kind, len(payload)) + payload

    composition, window = (
        struct.pack(">HHBHBBBB", 64, 48, 16, 0, 128, 0, 0, 0),
        struct.pack(">BBHHHH", 1, 0, 0, 0, 8, 8),
    )
    kinds = ((0x16, composition), (0x17, window), (0x80, b""))
    times = (45_000, 90_000, 135_000)
    (tmp_path / "a.sup").write_bytes(b"".join(segment(time, *each) for time in times for each in kinds))
    path = tmp_path / "bitmaps.mkv"
    with (
        av.open(str(rich_source)) as pictures,
        av.open(str(tmp_path / "a.sup")) as texts,
        av.open(str(path), "w") as out,
    ):
        video: Any = out.add_stream_from_template(pictures.streams.video[0])
        text: Any = out.add_stream_from_template(texts.streams[0], opaque=True)
        for container, stream in ((texts, text), (pictures, video)):
            for packet in container.demux(container.streams[0]):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    return path


def test_bitmap_subtitles_go_into_matroska_and_are_named_elsewhere(with_bitmaps, tmp_path):
    assert written(tmp_path / "out.mkv", with_bitmaps).notes == []
    assert texts_of(tmp_path / "out.mkv") == texts_of(with_bitmaps)
    assert len(texts_of(with_bitmaps)) >= 3
    for suffix in ("mp4", "mov"):
        (note,) = written(tmp_path / f"out.{suffix}", with_bitmaps).notes
        assert note.startswith("subtitle stream 1 (pgssub) is left out")


@pytest.fixture
def with_dvd_pictures(with_bitmaps):
    """The same, called what Matroska calls a DVD's subtitles: the bytes are carried, and not looked into."""
    content = with_bitmaps.read_bytes()
    path = with_bitmaps.with_name("dvd.mkv")
    path.write_bytes(content.replace(b"S_HDMV/PGS", b"S_VOBSUB\0\0"))
    return path


def test_subtitles_of_dvds_go_into_matroska_and_are_named_elsewhere(with_dvd_pictures, tmp_path):
    """FFmpeg writes them into MP4, without the last."""
    assert written(tmp_path / "out.mkv", with_dvd_pictures).notes == []
    assert texts_of(tmp_path / "out.mkv") == texts_of(with_dvd_pictures)
    for suffix in ("mp4", "mov"):
        (note,) = written(tmp_path / f"out.{suffix}", with_dvd_pictures).notes
        assert note.startswith("subtitle stream 1 (dvdsub) is left out")


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_a_subtitle_without_an_end_does_not_cost_the_video(rich_source, tmp_path, suffix):
    """2^32 - 1 ms stand for "until the next one"; MP4's writer refuses such a duration, and the whole file with it."""
    path = tmp_path / "open.mkv"
    with av.open(str(rich_source)) as source, av.open(str(path), "w") as out:
        chosen = {
            stream.index: out.add_stream_from_template(stream, opaque=True)
            for stream in source.streams
            if stream.type in ("video", "subtitle")
        }
        for packet in source.demux():
            if packet.size and packet.stream_index in chosen:
                if packet.stream.type == "subtitle":
                    packet.duration = 2**32 - 1
                packet.stream = chosen[packet.stream_index]
                out.mux(packet)
    writer = written(tmp_path / f"out.{suffix}", path)
    assert [note for note in writer.notes if "is left out" not in note] == []
    with av.open(str(tmp_path / f"out.{suffix}")) as made:
        assert made.duration is not None
        assert made.duration < 5_000_000


def test_variable_frame_rate_keeps_picture_and_sound_together(tmp_path):
    """Ten minutes of uneven steps: every picture comes out at its own time, and the sound at its own."""
    rng = np.random.default_rng(6)
    times = [0]
    while times[-1] < 600_000:
        times.append(times[-1] + int(rng.choice([33, 40, 50, 517, 2000])))
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 16, 16, "yuv420p"
        video.time_base = video.codec_context.time_base = TB
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for pts in times:
            frame = av.VideoFrame(16, 16, "yuv420p")
            frame.pts, frame.time_base = pts, TB
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for second in range(600):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts, samples.time_base = 8000, 8000 * second, Fraction(1, 8000)
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    with hdr10_writer(target, (16, 16), time_base=TB, copied=streams_of(source)) as writer:
        for pts in times:
            writer.write(np.full((3, 16, 16), 0.3, np.float32), pts)

    def stamps(path, kind):
        with av.open(str(path)) as container:
            return sorted(p.pts * p.time_base for p in container.demux(**{kind: 0}) if p.size)

    assert stamps(target, "video") == stamps(source, "video") == [pts * TB for pts in times]
    assert stamps(target, "audio") == stamps(source, "audio")


@pytest.mark.parametrize(
    ("codec", "source", "target", "advice"),
    [
        ("wmav2", "in.asf", "out.mkv", "convert the sound to FLAC or AAC first, or"),
        ("adpcm_ms", "in.avi", "out.mp4", "convert the sound to FLAC or AAC first, or"),
        ("pcm_alaw", "in.avi", "out.mkv", "choose .mov, which can, or"),
    ],
)
def test_advice_on_sound_that_a_target_cannot_carry_helps(tmp_path, codec, source, target, advice):
    path = tmp_path / source
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(codec, rate=44100, layout="mono")
        sound.bit_rate = 64000
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(video.encode())
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        samples.sample_rate = 44100
        for chunk in av.AudioResampler(format=sound.codec_context.format).resample(samples):
            container.mux(sound.encode(chunk))
        container.mux(sound.encode())
    with pytest.raises(UserError, match=f"cannot carry sound stream 1 .*{advice}"):
        written(tmp_path / target, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [source]
