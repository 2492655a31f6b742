"""A conversion opens its source once for each pass: sound, text and captions come out of the packets of one of them."""

import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

import lumaflux
from lumaflux.errors import FrameError
from lumaflux.media.standard_streams import STANDARD
from lumaflux.media.video import demuxer
from lumaflux.render import Job, convert
from lumaflux.settings import Settings

FRAMES = 24


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A second of H.264 with a caption in every picture that says its number, two sounds and two lines of text."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "s.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,300\nfirst\n\n2\n00:00:00,500 --> 00:00:00,900\nsecond\n"
    )
    with av.open(str(folder / "clip.mkv"), "w") as container, av.open(str(folder / "s.srt")) as texts:
        video = container.add_stream("libx264", rate=24, options={"crf": "20", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        text = container.add_stream_from_template(texts.streams.subtitles[0])
        packets = []
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 40 + 6 * number, np.uint8), format="rgb24")
            packets += video.encode(frame)
        for packet in [*packets, *video.encode()]:
            payload = b"\xb5\x00\x31GA94\x03\x41\xff\xfc" + bytes([0x80 | packet.pts, 0x20]) + b"\xff"
            sei = b"\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
            made = av.Packet(b"\0\0\0\1" + sei + bytes(packet))
            made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
            made.duration, made.is_keyframe, made.stream = packet.duration, packet.is_keyframe, video
            container.mux(made)
        for index, sound in enumerate(sounds):
            samples = av.AudioFrame.from_ndarray(
                np.arange(index, 8000 + index, dtype=np.int16)[None], format="s16", layout="mono"
            )
            samples.sample_rate, samples.pts = 8000, 0
            container.mux([*sound.encode(samples), *sound.encode()])
        for packet in texts.demux():
            if packet.size:
                packet.stream = text
                container.mux(packet)
    return folder / "clip.mkv"


@pytest.fixture
def opened(monkeypatch):
    """Files that are opened for reading by FFmpeg's demuxers, by name."""
    found: Counter[str] = Counter()
    original: Any = av.open

    def counted(file, mode=None, *args, **options):
        if mode in (None, "r") and str(file).startswith("file:") and ".partial" not in str(file):  # the output's marks
            found[str(file).removeprefix("file:")] += 1
        return original(file, *(() if mode is None else (mode,)), *args, **options)

    monkeypatch.setattr(av, "open", counted)
    return found


@pytest.fixture
def made(run, tmp_path):
    """made(source, **job): the output, by one pass without a tone track."""

    def call(source, name="out.mkv", **job):
        run(source, tmp_path / name, encoder_preset="ultrafast", **job)
        return tmp_path / name

    return call


def carried(path, start=0.0, end=9.0):
    """What lies beside the pictures: every other stream's bytes and seconds, and the captions of the pictures."""
    with av.open(str(path)) as container:
        others = [s for s in container.streams if s.type in ("audio", "subtitle")]
        packets = [
            (p.stream_index, round(float(p.pts * p.time_base) - start, 2), bytes(p))
            for p in container.demux(*others)
            if p.size and start <= p.pts * p.time_base < end
        ]
    with av.open(str(path)) as container:
        sides = [
            [bytes(side)[1] & 0x7F for side in f.side_data if side.type.name == "A53_CC"]
            for f in container.decode(video=0)
        ]
    return sorted(packets), sides


def test_once_for_each_pass_whatever_is_copied(clip, opened, made, run, tmp_path):
    out = made(clip)
    assert opened == {str(clip): 1}
    assert carried(out) == carried(clip)
    assert carried(out)[1] == [[number] for number in range(FRAMES)]
    run(clip, tmp_path / "f.%04d.png")
    assert opened == {str(clip): 2}
    opened.clear()
    converter = lumaflux.load("tiny", device="cpu")
    job = Job(model="tiny", device="cpu", encoder_preset="ultrafast")
    convert(clip, tmp_path / "toned.mkv", lambda: converter, Settings(), job)
    assert opened == {str(clip): 2}
    assert carried(tmp_path / "toned.mkv") == carried(clip)


def test_a_part_needs_the_times_of_its_frames_too(clip, opened, made):
    """Read from the packets, nothing decoded: where the part begins is known before a model is loaded."""
    out = made(clip, frames="6-17")
    assert opened == {str(clip): 2}
    assert carried(out)[1] == [[number] for number in range(6, 18)]
    texts = [(seconds, data) for index, seconds, data in carried(out)[0] if index == 3]
    assert texts == [(0.25, b"second")]


def test_standard_input_is_a_file_by_then(clip, opened, made, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=clip.open("rb"), closed=False, isatty=lambda: False))
    out = made(STANDARD)
    assert list(opened.values()) == [1]
    assert carried(out) == carried(clip)


def test_a_second_output_copies_by_itself(clip, opened, made, tmp_path):
    out = made(clip, also=(f"hdr10={tmp_path / 'second.mkv'}",))
    assert opened == {str(clip): 2}
    assert carried(out) == carried(tmp_path / "second.mkv") == carried(clip)


def test_what_would_be_held_for_too_long_is_read_by_another_pass(clip, opened, made, monkeypatch):
    monkeypatch.setattr(demuxer, "_HELD", 2000)  # bytes: less than the pictures before the first sound
    out = made(clip)
    assert opened == {str(clip): 2}
    assert carried(out) == carried(clip)


def test_a_source_that_ends_early_is_named_and_what_came_is_kept(clip, made, tmp_path):
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[:-6000])
    with pytest.raises(FrameError, match=r"cut\.mkv cannot be decoded after frame"):
        made(cut)
    sounds, captions = carried(tmp_path / "out.partial.mkv")
    whole = carried(clip)
    assert 0 < len(captions) < FRAMES
    assert captions == whole[1][: len(captions)]
    assert set(sounds) <= set(whole[0])
