"""Signals at chosen steps of a conversion: what is worth finishing is finished, the rest ends at once."""

import os
import signal

import av
import pytest

from lumaflux.endings import ENDING, end_by_signals
from lumaflux.media.stills.sequence_writer import SequenceWriter
from lumaflux.media.video.stream_copy import StreamCopy
from lumaflux.media.video.writer import VideoWriter
from lumaflux.render import Job
from lumaflux.render.clip import convert_clip
from lumaflux.render.request import Request
from lumaflux.render.source import Source
from lumaflux.settings import Settings

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def as_a_command():
    """Signals as the command has them."""
    before = {number: signal.getsignal(number) for number in ENDING}
    end_by_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def sent_before(monkeypatch):
    """sent_before(owner, step, *signals): they come when that step begins for the first time."""

    def prepare(owner, step, *signals):
        whole, todo = getattr(owner, step), list(signals)

        def stepped(*arguments, **named):
            while todo:
                os.kill(os.getpid(), todo.pop(0))
            return whole(*arguments, **named)

        monkeypatch.setattr(owner, step, stepped)

    return prepare


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def frames_of(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0)), len(container.streams.audio)


@pytest.mark.parametrize("sent", SIGNALS)
@pytest.mark.parametrize(
    ("owner", "step"), [(VideoWriter, "_finish"), (StreamCopy, "finish"), (VideoWriter, "_release")]
)
def test_a_video_that_is_being_finished_becomes_whole(run, make_clip, tmp_path, sent_before, owner, step, sent):
    """Its frames may be hours of work; what is left takes seconds."""
    source, out = make_clip(sound=True), tmp_path / "out"
    out.mkdir()
    sent_before(owner, step, sent)
    with pytest.raises(KeyboardInterrupt, match=r"hdr\.mp4 was being finished, and is whole") as ended:
        run(source, out / "hdr.mp4")
    assert left(out) == ["hdr.mp4"]
    assert frames_of(out / "hdr.mp4") == (8, 1)
    assert [report.frames for report in vars(ended.value)["reports"]] == [8]


def test_a_second_signal_ends_that_at_once(run, make_clip, tmp_path, sent_before):
    source, out = make_clip(sound=True), tmp_path / "out"
    out.mkdir()
    sent_before(VideoWriter, "_finish", signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(source, out / "hdr.mp4")
    assert left(out) == []


@pytest.mark.parametrize("sent", SIGNALS)
@pytest.mark.parametrize("target", ["hdr.mp4", "shots/one/hdr.%04d.png"])
def test_a_model_that_is_being_loaded_is_not_waited_for(
    run, placement, make_pictures, tmp_path, sent_before, target, sent
):
    folder, out = make_pictures("s.%04d.png", range(1, 9)), tmp_path / "out"
    out.mkdir()
    sent_before(type(placement), "load", sent)
    with pytest.raises(KeyboardInterrupt):
        run(folder / "s.%04d.png", out / target)
    assert placement.loads == 0
    assert left(out) == []


@pytest.mark.parametrize("sent", SIGNALS)
@pytest.mark.parametrize("target", ["hdr.mp4", "shots/one/hdr.%04d.exr"])
def test_a_first_pass_leaves_nothing(placement, make_pictures, tmp_path, target, sent):
    """No manifest of a sequence either, nor the folders that were made for it."""
    folder, out = make_pictures("s.%04d.png", range(1, 9)), tmp_path / "out"
    out.mkdir()

    def find_tones(*_):
        os.kill(os.getpid(), sent)
        raise AssertionError("it went on")

    request = Request(load_converter=placement.load, settings=Settings(), job=Job(), find_tones=find_tones)
    with pytest.raises(KeyboardInterrupt, match="the first of two passes, which finds the tones; nothing is written"):
        convert_clip(Source(folder / "s.%04d.png"), out / target, request)
    assert left(out) == []


@pytest.mark.parametrize("sent", SIGNALS)
def test_frames_of_a_sequence_stay_with_their_manifest(run, make_pictures, tmp_path, sent_before, sent):
    folder, out = make_pictures("s.%04d.png", range(1, 9)), tmp_path / "out"
    sent_before(SequenceWriter, "write", sent)
    with pytest.raises(KeyboardInterrupt, match=r"frames that were finished are kept; run the command again"):
        run(folder / "s.%04d.png", out / "hdr.%04d.png")
    pictures = [name for name in left(out) if name.endswith(".png")]
    assert left(out) == [*pictures, "hdr.lumaflux.json", "hdr.lumaflux.jsonl"]
    (report,) = run(folder / "s.%04d.png", out / "hdr.%04d.png")
    assert report.skipped == len(pictures) > 0
    assert report.frames + report.skipped == 8
