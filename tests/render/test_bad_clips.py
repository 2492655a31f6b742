"""Clips as they really come: short, damaged, interlaced, without times; each has its sentence or its result."""

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError, UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.video.reader import VideoReader
from lumaflux.render.clip import refuse_damage


def left_in(folder):
    return sorted(p.name for p in folder.iterdir())


def times_of(path):
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def test_a_clip_of_one_frame(run, make_clip, tmp_path):
    (report,) = run(make_clip(frames=1), tmp_path / "out.mp4")
    assert report.frames == 1
    assert len(times_of(tmp_path / "out.mp4")) == 1


def test_a_clip_of_no_frame(run, make_clip, tmp_path):
    with pytest.raises(UserError, match=r"without a single frame|no video|cannot be decoded"):
        run(make_clip("none.mp4", frames=0), tmp_path / "out.mp4")
    assert left_in(tmp_path) == ["none.mp4"]


def test_missing_time_stamps_count_up(run, make_clip, tmp_path):
    (report,) = run(make_clip("raw.h264", frames=6), tmp_path / "out.mp4")
    assert report.frames == 6
    np.testing.assert_allclose(np.diff(times_of(tmp_path / "out.mp4")), 0.04, atol=1e-3)


def test_a_changing_picture_size_is_refused_at_its_frame(run, make_clip, tmp_path):
    parts = [make_clip("a.h264", frames=3).read_bytes(), make_clip("b.h264", frames=3, size=(96, 64)).read_bytes()]
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    with pytest.raises(FrameError, match="changes its picture size at frame 3 to 96x64; split it there"):
        run(tmp_path / "both.h264", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def damaged(make_clip, tmp_path):
    """A clip whose packets 4 and 9 of 16 are noise; every picture stands alone."""
    source, path = make_clip("whole.mkv", frames=16, codec="mjpeg", form="yuvj420p"), tmp_path / "damaged.mkv"
    rng = np.random.default_rng(3)
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        stream = container.streams.video[0]
        copy = target.add_stream_from_template(stream, opaque=True)
        for number, packet in enumerate(p for p in container.demux(stream) if p.size):
            if number in (4, 9):
                noise = av.Packet(rng.bytes(packet.size))
                noise.pts, noise.dts, noise.time_base = packet.pts, packet.dts, packet.time_base
                packet = noise
            packet.stream = copy
            target.mux(packet)
    return path


def test_corrupt_packets_are_refused_or_left_out(run, damaged, tmp_path):
    with pytest.raises(FrameError, match=r"after frame 4 .*--keep-going.*4 frames that were finished are in"):
        run(damaged, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    np.testing.assert_allclose(times_of(tmp_path / "out.partial.mp4"), np.arange(4) / 25, atol=2e-3)
    (report,) = run(damaged, tmp_path / "out.mp4", keep_going=True)
    assert (report.frames, report.damaged) == (14, 2)
    kept = [number * 0.04 for number in range(16) if number not in (4, 9)]
    np.testing.assert_allclose(times_of(tmp_path / "out.mp4"), kept, atol=2e-3)  # the others stay at their times
    with pytest.raises(FrameError, match="is written, but 2 places"):
        refuse_damage(report)


def test_a_file_cut_short_after_its_index(run, make_clip, tmp_path):
    whole = make_clip("whole.mp4", frames=24, options={"movflags": "faststart"}, codec="libx264")
    with (
        av.open(str(whole)) as container,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        copy = target.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(FrameError, match=r"pictures are missing|cannot be decoded"):
        run(tmp_path / "cut.mp4", tmp_path / "out.mp4")
    (report,) = run(tmp_path / "cut.mp4", tmp_path / "out.mp4", keep_going=True)
    assert 5 < report.frames < 24
    assert report.damaged >= 1


def test_interlaced_is_refused_deinterlaced_or_taken_as_it_is(run, make_clip, tmp_path):
    source = make_clip("i.mp4", frames=6, options={"x264-params": "interlaced=1:tff=1"})
    assert probe(source).interlaced
    with pytest.raises(UserError, match=r"is interlaced .*--interlaced deinterlace"):
        run(source, tmp_path / "out.mp4")
    for how in ("deinterlace", "progressive"):
        (report,) = run(source, tmp_path / f"{how}.mp4", interlaced=how)
        assert report.frames == 6
        np.testing.assert_allclose(times_of(tmp_path / f"{how}.mp4"), times_of(source), atol=1e-6)


def test_deinterlacing_removes_the_comb(tmp_path):
    """A bright square that moves between the fields: as stored its edge is a comb, deinterlaced it is not."""
    path = tmp_path / "i.mkv"
    with av.open(str(path), "w") as container:
        options = {"qp": "0", "x264-params": "interlaced=1:tff=1"}
        video = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for number in range(6):
            pixels = np.full((64, 96), 30, np.uint8)
            pixels[0::2, 8 * number : 8 * number + 32] = 200
            pixels[1::2, 8 * number + 4 : 8 * number + 36] = 200
            frame = av.VideoFrame(96, 64, "yuv420p")
            for index, plane in enumerate(frame.planes):
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
                rows[:, : plane.width] = pixels if index == 0 else 128
            container.mux(video.encode(frame))
        container.mux(video.encode())
    assert probe(path).interlaced

    def comb(how):
        with VideoReader(path, interlaced=how) as reader:
            frame = list(reader)[3].sdr[0]
        return np.abs(np.diff(frame[16:48], axis=0)).mean()

    assert comb("deinterlace") < 0.4 * comb("progressive")


def test_wrong_tags_are_read_as_they_stand_and_missing_ones_guessed(run, make_clip, tmp_path):
    (report,) = run(make_clip(), tmp_path / "out.mp4")
    info = probe(tmp_path / "clip.mp4")
    assert (info.matrix.source, info.matrix.value) == ("guessed", "smpte170m")
    assert report.frames == 8


def test_two_runs_on_one_target(run, make_clip, tmp_path):
    source = make_clip()
    second = []

    def while_running(done, total):
        if done == 2 and not second:
            with pytest.raises(UserError, match="being written by another run"):
                run(source, tmp_path / "out.mp4")
            second.append("refused")

    (report,) = run(source, tmp_path / "out.mp4", progress=while_running)
    assert (second, report.frames) == (["refused"], 8)
    assert left_in(tmp_path) == ["clip.mp4", "out.mp4"]


def test_what_a_killed_run_left_is_no_hindrance(run, make_clip, tmp_path):
    (tmp_path / ".out.mp4.partial").write_bytes(b"half" * 100)
    run(make_clip(), tmp_path / "out.mp4")
    assert left_in(tmp_path) == ["clip.mp4", "out.mp4"]


def test_a_full_disk(run, make_clip, tmp_path):
    """No file may grow beyond 20 kB: one sentence, and nothing is left."""
    import resource

    source = make_clip(frames=40, size=(128, 96))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(UserError, match="is the disk full"):
            run(source, tmp_path / "out.mp4")
        with pytest.raises(UserError, match=r"h\.0000\.tif cannot be written \((?!no reason given)") as failed:
            run(source, tmp_path / "o" / "h.%04d.tif")
        assert "disk full" not in str(failed.value)  # which is more than the library says
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and not p.name.endswith(".json")] == ["clip.mp4"]
