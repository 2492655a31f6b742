"""The step after the frames: time stamps and sound of the source, the pictures of the job."""

import os
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from footage import write_clip

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.encode import EncodeRequest, encode_job, read_picture
from lumaflux.farm.job import JobFolder
from lumaflux.media.metadata.hdr10plus import read_json
from lumaflux.media.metadata.info import probe
from lumaflux.render import Job, convert
from lumaflux.settings import Settings


def planes(path) -> list[tuple[Any, Any, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(frame.pts, frame.time_base, frame.to_ndarray()) for frame in container.decode(video=0)]


def with_sound(path, times):
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"qp": "0"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=44100, layout="mono")
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 48), 60 + 9 * number, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, 44100, 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 44100, start, Fraction(1, 44100)
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))


def test_the_same_as_one_conversion(render, media, converter, tmp_path):
    """Pictures hold 16 bit, so codes differ by roundings before x265, and by a few after; times and tags not at all,
    and the curves of HDR10+ as little as the pictures."""
    render(tmp_path / "frames")
    options = EncodeRequest(hdr10plus=tmp_path / "farm.json", hdr10plus_profile="b")
    encode_job(JobFolder(tmp_path / "frames"), tmp_path / "farm.mp4", options)
    job = Job(hdr10plus=tmp_path / "plain.json", hdr10plus_profile="b")
    convert(media / "clip.mp4", tmp_path / "plain.mp4", lambda: converter, Settings(), job)
    curves = [read_json(tmp_path / name) for name in ("farm.json", "plain.json")]
    for one, other in zip(*curves, strict=True):
        assert one.frames == other.frames
        peaks = np.array([[one.light.peak_nits, other.light.peak_nits]])
        assert peaks.min() > 0.97 * peaks.max()
        light = np.linspace(0, 0.95, 20) * peaks.min()
        shown = [scene.light.mapping.relative(light / scene.light.peak_nits) for scene in (one, other)]
        assert np.abs(shown[0] - shown[1]).max() < 0.05
    farm, plain = planes(tmp_path / "farm.mp4"), planes(tmp_path / "plain.mp4")
    assert [entry[:2] for entry in farm] == [entry[:2] for entry in plain]
    for (_, _, one), (_, _, other) in zip(farm, plain, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).mean() < 1.5
    one, other = probe(tmp_path / "farm.mp4"), probe(tmp_path / "plain.mp4")
    assert (one.content_light, one.mastering_display) == (other.content_light, other.mastering_display)


def test_variable_times_and_sound_are_put_back(render, tmp_path):
    times = [0, 40, 100, 140, 300, 333, 400]
    with_sound(tmp_path / "vfr.mkv", times)
    render(tmp_path / "frames", source=tmp_path / "vfr.mkv")
    encode_job(JobFolder(tmp_path / "frames"), tmp_path / "out.mkv", EncodeRequest(source=tmp_path / "vfr.mkv"))
    assert [float(pts * base) for pts, base, _ in planes(tmp_path / "out.mkv")] == [time / 1000 for time in times]
    assert [track.codec for track in probe(tmp_path / "out.mkv").audio] == ["aac"]
    encode_job(JobFolder(tmp_path / "frames"), tmp_path / "mute.mkv", EncodeRequest(copy_audio=False))
    assert not probe(tmp_path / "mute.mkv").audio


def test_a_later_part_begins_at_zero(render, tmp_path):
    render(tmp_path / "frames", of="10-14")
    assert encode_job(JobFolder(tmp_path / "frames"), tmp_path / "part.mp4") == 5
    assert [float(pts * base) for pts, base, _ in planes(tmp_path / "part.mp4")] == [n / 24 for n in range(5)]


def test_a_sequence_takes_a_rate(render, media, tmp_path):
    render(tmp_path / "frames", source="plates/plate.%04d.png", of="1002-1005")
    encode_job(JobFolder(tmp_path / "frames"), tmp_path / "out.mov", EncodeRequest(fps="30000/1001"))
    info = probe(tmp_path / "out.mov")
    assert (info.frame_count, info.frame_rate) == (4, Fraction(30000, 1001))


def test_missing_frames_are_named(render, tmp_path):
    render(tmp_path / "frames", "0-3,6-9")
    with pytest.raises(FrameError, match=r"frames 4-5,10-23 are missing or damaged"):
        encode_job(JobFolder(tmp_path / "frames"), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_part_that_was_rendered_ends_well_and_the_last_part_encodes(render, tmp_path):
    said = []
    render(tmp_path / "f", "0-11")
    job, target = JobFolder(tmp_path / "f"), tmp_path / "out.mkv"
    assert encode_job(job, target, EncodeRequest(only="0-11"), say=said.append) == 0
    assert said == ["nothing is encoded yet: frames 12-23 of the job are not rendered."]
    assert not target.exists()
    with pytest.raises(FrameError, match="frames 12-23 are missing"):
        encode_job(job, target, EncodeRequest(only="8-15"))
    render(tmp_path / "f", "12-23")
    assert encode_job(job, tmp_path / "out.y4m", EncodeRequest(only="12-23")) == 24
    assert (tmp_path / "out.y4m").read_bytes().count(b"FRAME\n") == 24


def test_another_source_is_refused(render, tmp_path):
    render(tmp_path / "frames")
    write_clip(tmp_path / "longer.mp4", 25)
    with pytest.raises(UserError, match="not the file that the frames were made of"):
        encode_job(JobFolder(tmp_path / "frames"), tmp_path / "out.mp4", EncodeRequest(source=tmp_path / "longer.mp4"))


def test_pictures_are_read_as_written(tmp_path):
    from lumaflux.media.stills.picture import write_still

    hdr_pq = np.random.default_rng(0).random((3, 20, 30), np.float32)
    write_still(tmp_path / "a.png", hdr_pq)
    assert np.abs(read_picture(tmp_path / "a.png") - hdr_pq).max() <= 0.5 / 65535 + 1e-7
    os.truncate(tmp_path / "a.png", 400)
    with pytest.raises(FrameError, match="does not decode"):
        read_picture(tmp_path / "a.png")
