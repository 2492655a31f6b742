"""`-` for standard input and output, several sources in one call, and the report in every ending."""

import io
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError, ReaderLeftError, UserError
from lumaflux.media.standard_streams import STANDARD

SIZE = (32, 16)


class Stream:
    """Standard input or output of bytes, which is no terminal; a reader may leave after so many bytes."""

    closed = False

    def __init__(self, content=b"", room=None):
        self.buffer = io.BytesIO(content)
        if room is not None:
            self.buffer = Pipe(room)

    def isatty(self):
        return False

    def flush(self):
        pass


class Pipe(io.BytesIO):
    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, content):
        if self.tell() + len(content) > self.room:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(content)


@pytest.fixture
def piped(monkeypatch):
    """Sets what standard input holds; returns standard output."""

    def set_up(content=b"", room=None):
        monkeypatch.setattr(sys, "stdin", Stream(content))
        monkeypatch.setattr(sys, "stdout", Stream(room=room))
        return sys.stdout.buffer

    return set_up


def grey(number, form="yuv420p"):
    frame = av.VideoFrame(*SIZE, form)
    for index, plane in enumerate(frame.planes):
        value = 128 if index else 60 + 40 * number
        plane.update(np.full(plane.buffer_size, value, np.uint8).tobytes())
    return frame


def y4m(frames=3):
    held = io.BytesIO()
    with av.open(held, "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            frame = grey(number)
            frame.pts = number
            container.mux(stream.encode(frame))
    return held.getvalue()


def raw(form, frames=3):
    return b"".join(grey(number).reformat(format=form).to_ndarray().tobytes() for number in range(frames))


def decoded(content):
    """The codes of each frame's luma."""
    with av.open(io.BytesIO(content)) as container:
        frames = [(frame.width, frame.planes[0]) for frame in container.decode(video=0)]
        return [np.frombuffer(luma, np.uint16).reshape(luma.height, -1)[:, :width] for width, luma in frames]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (y4m(), {}),
        (raw("yuv420p"), {"size": "32x16", "pix_fmt": "yuv420p", "fps": "25"}),
        (raw("rgb24"), {"size": "32X16", "pix_fmt": "rgb24", "fps": "25"}),
        (raw("yuv444p"), {"size": "32x16", "pix_fmt": "yuv444p", "fps": "25"}),
    ],
    ids=["y4m", "yuv420p", "rgb24", "yuv444p"],
)
def test_frames_from_standard_input(run, piped, tmp_path, content, options):
    piped(content)
    (report,) = run(STANDARD, tmp_path / "out.mkv", encoder_preset="ultrafast", **options)
    assert (report.frames, report.source) == (3, STANDARD)
    with av.open(str(tmp_path / "out.mkv")) as container:
        means = [float(frame.to_ndarray(format="gray16le").mean()) for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 25
    assert len(means) == 3
    assert means == sorted(means)
    assert means[2] > 1.3 * means[0]


def test_any_container_and_a_picture_from_standard_input(run, piped, make_clip, make_pictures, tmp_path):
    piped(make_clip(frames=3, sound=True).read_bytes())
    (report,) = run(STANDARD, tmp_path / "out.mkv", encoder_preset="ultrafast")
    assert report.frames == 3
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert len(container.streams.audio) == 1
    piped((make_pictures("p%d.png", [1]) / "p1.png").read_bytes())
    assert run(STANDARD, tmp_path / "out.png")[0].frames == 1


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", {}, "standard input is empty"),
        (b"", {"size": "32x16", "pix_fmt": "gray"}, "standard input is empty"),
        (b"no video", {}, "^standard input is no video or picture"),
        (y4m()[:-100], {}, "^standard input cannot be decoded after frame"),
        (raw("yuv420p")[:-1], {"size": "32x16", "pix_fmt": "yuv420p"}, "ends within frame 2"),
        (raw("yuv420p"), {"size": "32x16", "pix_fmt": "rgb24"}, "ends within frame 1"),
        (raw("gray"), {"size": "32x16", "pix_fmt": "grey"}, "cannot be read; name the pixel format"),
        (raw("gray"), {"size": "32x16", "pix_fmt": "pal8"}, "lack their palette"),
        (raw("gray"), {"size": "32x16"}, "both --size"),
        (raw("gray"), {"size": "32", "pix_fmt": "gray"}, "no size"),
        (raw("gray"), {"size": "0x16", "pix_fmt": "gray"}, "no size"),
    ],
)
def test_bad_standard_input(run, piped, tmp_path, content, options, said):
    piped(content)
    with pytest.raises(UserError, match=said):
        run(STANDARD, tmp_path / "out.mkv", **options)
    assert {path.name for path in tmp_path.iterdir()} <= {"out.partial.mkv"}  # of the frames before the damage


def test_matroska_on_standard_output_is_the_file(run, piped, make_clip, tmp_path):
    clip = make_clip(frames=3, sound=True)
    out = piped()
    (report,) = run(clip, STANDARD, encoder_preset="ultrafast")
    run(clip, tmp_path / "file.mkv", encoder_preset="ultrafast")
    assert (report.target, report.delivery) == (STANDARD, "hdr10")
    ours, file = out.getvalue(), (tmp_path / "file.mkv").read_bytes()
    assert len(ours) == len(file)
    assert all(np.array_equal(a, b) for a, b in zip(decoded(ours), decoded(file), strict=True))


def test_y4m_on_standard_output_and_in_a_file(run, piped, make_clip, tmp_path):
    clip = make_clip(frames=3, size=(34, 18), sound=True)
    out = piped()
    (report,) = run(clip, STANDARD, deliver="y4m")
    notes = " ".join(report.notes)
    assert "BT.2020, PQ" in notes
    assert "sound is left out" in notes
    run(clip, tmp_path / "file.y4m")
    assert out.getvalue() == (tmp_path / "file.y4m").read_bytes()
    assert out.getvalue().startswith(b"YUV4MPEG2 W34 H18 F25:1 Ip A1:1 C420p10 ")
    run(clip, tmp_path / "lossless.mkv", deliver="ffv1")
    for a, b in zip(decoded(out.getvalue()), decoded((tmp_path / "lossless.mkv").read_bytes()), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1  # 4:2:0 and 4:4:4 have the same luma


@pytest.mark.parametrize("deliver", ["hdr10", "y4m"])
def test_a_reader_that_leaves_is_a_sentence(run, piped, make_clip, deliver):
    piped(room=500 if deliver == "hdr10" else 5000)
    speed = {"encoder_preset": "ultrafast"} if deliver == "hdr10" else {}
    with pytest.raises(ReaderLeftError, match="reader of standard output left") as left:
        run(make_clip(frames=4, options={"qp": "0"}), STANDARD, deliver=deliver, **speed)
    assert left.value.exit_code == 141


def test_what_standard_streams_do_not_take(run, piped, make_clip, make_pictures, tmp_path):
    piped()
    clip, folder = make_clip(), make_pictures("p%d.png", [1, 2])
    for source, options in ((folder, {}), (folder / "p1.png", {}), (clip, {"deliver": "png"}), (clip, {"preview": 1})):
        with pytest.raises(UserError, match="standard output"):
            run(source, STANDARD, **options)
    with pytest.raises(UserError, match="one video"):
        run([clip, folder / "p1.png"], STANDARD)
    with pytest.raises(UserError, match="converted alone"):
        run([clip, STANDARD], tmp_path / "out")
    with pytest.raises(UserError, match="raw frames in standard input"):
        run(clip, tmp_path / "o.mkv", size="4x4", pix_fmt="gray")


def test_several_sources(run, make_clip, make_pictures, tmp_path, placement):
    clips = [make_clip("a.mp4", frames=2), make_clip("b.mov", frames=2)]
    picture = make_pictures("p%d.png", [1]) / "p1.png"
    reports = run([clips[0], picture, clips[1]], tmp_path / "out", encoder_preset=None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "b.mp4", "p1.png"]
    assert [report.frames for report in reports] == [2, 2, 1]
    assert placement.loads == 1
    run(clips, tmp_path / "more", deliver="y4m")
    assert sorted(path.name for path in (tmp_path / "more").iterdir()) == ["a.y4m", "b.y4m"]


def test_several_sources_that_do_not_go_together(run, make_clip, make_pictures, tmp_path):
    clip, folder = make_clip("a.mp4", frames=2), make_pictures("p%d.png", [1, 2])
    (tmp_path / "other").mkdir()
    reference = clip.rename(tmp_path / "other" / "a.mov")
    clip = make_clip("a.mp4", frames=2)
    for sources, target, said in (
        ([clip, reference], "out", "two sources would be"),
        ([clip, clip], "out", "two sources would be"),
        ([clip, folder], "out", "is a directory, which is converted alone"),
        ([clip, folder / "p%d.png"], "out", "is a numbered sequence"),
        ([clip, folder / "p1.png"], "out.mp4", "names one file for 2 sources"),
        ([clip, folder / "p1.png"], "a.mp4", "is a file"),
        ([clip, tmp_path / "gone.mp4"], "out", "does not exist"),
    ):
        with pytest.raises(UserError, match=said):
            run(sources, tmp_path / target)
    with pytest.raises(UserError, match="several mattes"):
        run([clip, folder / "p1.png"], tmp_path / "out", matte=Path("m.png"))
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(FrameError, match="1 of 2 videos were not converted") as failed:
        run([tmp_path / "bad.mp4", clip], tmp_path / "out2")
    assert [report.source for report in failed.value.reports] == [clip]


@pytest.mark.parametrize("ending", [UserError("the model is gone"), ZeroDivisionError("a bug"), KeyboardInterrupt()])
def test_the_report_is_written_whatever_ends_the_work(tmp_path, make_clip, monkeypatch, ending):
    from lumaflux.inference import load
    from lumaflux.render.commands import convert
    from lumaflux.render.job import Job
    from lumaflux.settings import Settings

    def fail(job):
        raise ending

    monkeypatch.setattr(load, "load_chosen", fail)
    clip, report = make_clip(frames=2), tmp_path / "r.json"
    job = Job(track="none", model="tiny")
    with pytest.raises(type(ending)):
        convert(clip, tmp_path / "o.mp4", settings=Settings(), job=job, progress="none", report=report)
    written = json.loads(report.read_text())
    assert (str(ending) or "interrupted") in written["ending"]
    assert written["conversions"][0]["source"] == str(clip)
    with pytest.raises(UserError, match="no directory"):
        convert(clip, tmp_path / "o.mp4", settings=Settings(), job=job, report=tmp_path / "none" / "r.json")
    with pytest.raises(UserError, match="is the input itself; choose another name"):
        convert(clip, tmp_path / "o.mp4", settings=Settings(), job=job, report=clip)
    with pytest.raises(UserError, match=r"gone\.mp4 does not exist"):
        convert(tmp_path / "gone.mp4", tmp_path / "o.mp4", settings=Settings(), job=job, report=report)
    assert "does not exist" in json.loads(report.read_text())["ending"]
