"""Frames in the order in which they are seen, from 0 on, whatever the container's stamps say; cut files are noticed."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hdr10_video import hdr10_writer, streams_of

from lumaflux.errors import FrameError
from lumaflux.media.video.clock import DecodingTimes, FrameClock, PacketClock
from lumaflux.media.video.numbered_frames import NumberedFrames, frame_times
from lumaflux.media.video.reader import VideoReader

MP2_DELAY = 481 / 48000  # seconds by which the encoder's sound begins before its first sample
B_FRAMES = {"bf": "3", "g": "12", "preset": "medium", "qp": "0"}
ORDERED = {  # file: codec, options, libavformat's muxer
    "h264.avi": ("libx264", B_FRAMES, None),
    "mpeg4.avi": ("mpeg4", {"bf": "2", "g": "9", "qmin": "1", "qmax": "2"}, None),
    "h264.asf": ("libx264", B_FRAMES, "asf"),
    "h264.mxf": ("libx264", B_FRAMES, "mxf"),
    "mpeg2.mxf": ("mpeg2video", {"bf": "2", "g": "9", "qmin": "1", "qmax": "2"}, "mxf"),
    "h264.flv": ("libx264", B_FRAMES, None),
    "h264.ts": ("libx264", B_FRAMES, None),
    "hevc.mkv": ("libx265", {"x265-params": "bframes=3:log-level=none", "preset": "ultrafast"}, None),
    "h264.nut": ("libx264", B_FRAMES, None),
    "raw.h264": ("libx264", B_FRAMES, None),
}


def step_frame(number, width=64, height=48):
    """A grey whose code tells its number."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for index, plane in enumerate(frame.planes):
        np.frombuffer(memoryview(plane), np.uint8)[:] = 16 + 7 * number if index == 0 else 128
    return frame


def write(path, codec="libx264", options=None, muxer=None, frames=30, start=Fraction(0), sound=False, late=0):
    """``frames`` greys at 25 frames/s; ``start`` seconds before the first, ``late`` more before the pictures."""
    with av.open(f"file:{path}", "w", format=muxer) as container:
        video: Any = container.add_stream(codec, rate=25, options=options or {})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 25)
        audio = container.add_stream("mp2", rate=48000, layout="mono") if sound else None
        first = round(start * 25)
        for number in range(frames):
            frame = step_frame(number)
            frame.pts, frame.time_base = first + number + late, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1920 * frames), np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts, samples.time_base = 48000, round(start * 48000), Fraction(1, 48000)
            container.mux(audio.encode(samples))
            container.mux(audio.encode(None))
    return path


def shown(frames):
    """The numbers of the greys."""
    return [round((float(frame.sdr[1, 24, 32]) * 219) / 7) for frame in frames]


def read(path, **options):
    with VideoReader(path, **options) as reader:
        return list(reader), reader.notes


def seconds(frames):
    return [float(frame.pts * frame.time_base) for frame in frames]


@pytest.mark.parametrize("name", ORDERED)
def test_frames_come_in_order_from_0(tmp_path, name):
    codec, options, muxer = ORDERED[name]
    path = write(tmp_path / name, codec, options, muxer)
    frames, _ = read(path)
    assert shown(frames) == list(range(30))
    np.testing.assert_allclose(seconds(frames), np.arange(30) / 25, atol=2e-3)


@pytest.mark.parametrize("name", ["h264.avi", "h264.asf", "h264.mxf", "hevc.mkv", "raw.h264"])
def test_frames_by_number_are_those_of_reading_through(tmp_path, name):
    codec, options, muxer = ORDERED[name]
    path = write(tmp_path / name, codec, options, muxer)
    numbered = NumberedFrames(path)
    assert len(numbered) == 30
    found = list(numbered.read([2, 3, 17, 29]))
    assert [number for number, _ in found] == [2, 3, 17, 29]
    assert shown(frame for _, frame in found) == [2, 3, 17, 29]


@pytest.mark.parametrize("start", [0, 3, 26 * 3600, 95442])  # the last wraps within (2**33 / 90000 s)
def test_a_transport_stream_starts_at_0(tmp_path, start):
    path = write(tmp_path / "in.ts", options=B_FRAMES, start=Fraction(start), sound=True, late=5)
    frames, notes = read(path)
    assert shown(frames) == list(range(30))
    after_sound = 0.2 + MP2_DELAY
    np.testing.assert_allclose(seconds(frames), after_sound + np.arange(30) / 25, atol=1e-3)
    assert any("starts at" in note for note in notes) == (start == 26 * 3600)


def test_pictures_without_sound_start_at_0(make_clip, bars, bars_frame):
    frames, _ = read(make_clip("in.mp4", [bars_frame(bars["bt709"]) for _ in range(3)], times=[40, 41, 42]))
    duration = frames[0].duration
    assert duration is not None
    assert [frame.pts for frame in frames] == [0, duration, 2 * duration]


@pytest.mark.parametrize("second", [0, 2, 500])  # seconds at which the second recording's clock starts
def test_joined_recordings_follow_each_other_with_their_sound(tmp_path, second):
    parts = [
        write(tmp_path / f"{name}.ts", options=B_FRAMES, frames=25, start=Fraction(start), sound=True).read_bytes()
        for name, start in (("a", 100), ("b", second))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    frames, notes = read(path)
    assert shown(frames) == [*range(25), *range(25)]
    np.testing.assert_allclose(seconds(frames), MP2_DELAY + np.arange(50) / 25, atol=1e-3)
    assert any("restarts or leaps at 1 places" in note for note in notes)
    assert frame_times(path) is None
    target = tmp_path / "out.mkv"
    with hdr10_writer(target, (64, 48), time_base=Fraction(1, 90000), copied=streams_of(path)) as writer:
        for frame in frames:
            writer.write(frame.sdr * np.float32(0.6), frame.pts, frame.duration)
    with av.open(str(target)) as container:
        packets = ((packet.pts, packet.time_base) for packet in container.demux(audio=0) if packet.size)
        sound = [float(pts * time_base) for pts, time_base in packets if pts is not None]
    np.testing.assert_allclose(np.diff(sound), 0.024, atol=0.03)  # packets of mp2; those that overlap are left out
    assert sound[-1] == pytest.approx(2.0, abs=0.06)


def test_a_sound_track_of_its_own_start_keeps_its_place(tmp_path):
    path = write(tmp_path / "in.ts", options=B_FRAMES, start=Fraction(7), sound=True, late=10)
    frames, _ = read(path)
    target = tmp_path / "out.mkv"
    with hdr10_writer(target, (64, 48), time_base=Fraction(1, 90000), copied=streams_of(path)) as writer:
        for frame in frames:
            writer.write(frame.sdr * np.float32(0.6), frame.pts, frame.duration)
    with av.open(str(target)) as container:
        first: dict[str, float] = {}
        for packet in container.demux():
            first.setdefault(packet.stream.type, float((packet.pts or 0) * packet.time_base))
    assert first["audio"] == pytest.approx(0, abs=2e-3)
    assert first["video"] == pytest.approx(0.4 + MP2_DELAY, abs=2e-3)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 40, 80, 80, 160], [0, 40, 80, 120, 160]),  # two frames of one time: the second goes between
        ([0, 40, 80, 80, 100, 140], [0, 40, 80, 90, 100, 140]),
        ([0, 0, 0, 0], [0, 40, 80, 120]),  # a clock that stands still
        ([0, 40, 20, 80], [0, 40, 60, 80]),
        ([1000, 1040, 0, 40], [1000, 1040, 1080, 1120]),  # one that is started anew
        ([None, None, None], [0, 40, 80]),
        ([0, None, 200], [0, 40, 200]),
    ],
)
def test_times_are_mended(stamps, times):
    clock = FrameClock(40, Fraction(1, 1000))
    assert [pts for pts, _ in clock.times((stamp, 40) for stamp in stamps)] == times


def test_two_frames_of_one_time_in_a_file(tmp_path):
    source, path = write(tmp_path / "in.mkv"), tmp_path / "same.mkv"
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        copy = target.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                if packet.pts in (200, 480):
                    packet.pts -= 40
                packet.dts, packet.stream = None, copy
                target.mux(packet)
    frames, notes = read(path)
    assert shown(frames) == list(range(30))
    assert seconds(frames) == sorted(set(seconds(frames)))
    assert seconds(frames)[-1] == pytest.approx(29 / 25)
    assert any("had the time of another" in note for note in notes)
    assert [number for number, _ in NumberedFrames(path).read([4, 5, 12])] == [4, 5, 12]


def test_packets_that_give_no_frame_lose_their_turn():
    turns = DecodingTimes()
    for number in range(60):
        turns.packet(number + 1, number)
    given = [turns.frame(number + 1) for number in range(10, 60)]  # ten packets were lost
    assert given[-1] is not None
    assert given == sorted(turn for turn in given if turn is not None)
    assert 59 - given[-1] <= 17


@pytest.mark.parametrize(("leaps", "parts"), [(True, 2), (False, 1)])
def test_only_mpeg_clocks_leap(leaps, parts):
    clock = PacketClock(Fraction(1, 1000), leaps=leaps)
    for dts in (0, 40, 80, 100_000, 100_040):
        clock.shift(dts, 40)
    assert clock.parts == parts


def test_slides_are_no_leaps():
    clock = PacketClock(Fraction(1, 1000), leaps=True)
    assert [clock.shift(15_000 * number, 15_000) for number in range(5)] == [0] * 5


CUT = {
    "whole.mkv": ("libx264", {}, None),
    "live.mkv": ("libx264", {"live": "1"}, None),
    "whole.mp4": ("libx264", {"movflags": "frag_keyframe+empty_moov"}, None),
    "whole.avi": ("mjpeg", {}, None),
    "whole.asf": ("mpeg4", {}, "asf"),
    "whole.flv": ("libx264", {}, None),
    "whole.ts": ("libx264", {}, None),
    "whole.mpg": ("mpeg2video", {}, None),
    "whole.mxf": ("mpeg2video", {}, "mxf"),
    "whole.ivf": ("libvpx", {}, None),
    "whole.webm": ("libvpx", {}, None),
    "whole.nut": ("mpeg4", {}, None),
    "whole.y4m": ("wrapped_avframe", {}, "yuv4mpegpipe"),
    "whole.gif": ("gif", {}, None),
}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("part", [0.5, 0.93])
def test_a_file_that_was_cut_short_is_noticed(tmp_path, noise_clip, name, part):
    path = noise_clip(tmp_path / name, *CUT[name], frames=48, gop=6)
    frames, _ = read(path)
    assert len(frames) == 48
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(FrameError, match="--keep-going"):
        read(path)
    with VideoReader(path, keep_going=True) as reader:
        kept = len(list(reader))
    assert reader.damaged >= 1
    assert 48 * part - 8 < kept < 48
