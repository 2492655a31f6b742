"""`lumaflux watch`: whole files only, one model load, and a status file that a later run goes on by."""

import json
import os
import signal

import pytest

from lumaflux.errors import UserError
from lumaflux.render.job import Job
from lumaflux.render.watch import STATUS, Watch, watch
from lumaflux.settings import Settings


def quiet(done, total):
    pass


@pytest.fixture
def make(placement, tmp_path):
    def call(**job):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        return Watch(folder, tmp_path / "out", Settings(), Job(**{"track": "none", **job}), placement.load)

    return call


def status(tmp_path):
    return json.loads((tmp_path / "out" / STATUS).read_text())["files"]


def test_what_comes_is_converted_once_by_one_model(make, placement, make_pictures, make_clip, tmp_path):
    make_pictures("p%d.png", [1, 2])
    make_clip("c.mp4", frames=3).rename(tmp_path / "in" / "c.mp4")
    watch(make(), quiet, every=0.05, once=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["c.mp4", STATUS, "p1.png", "p2.png"]
    assert (placement.loads, placement.frames) == (1, 5)
    assert {name: entry["state"] for name, entry in status(tmp_path).items()} == dict.fromkeys(
        ("c.mp4", "p1.png", "p2.png"), "done"
    )
    watch(make(), quiet, every=0.05, once=True)
    assert placement.frames == 5
    (tmp_path / "out" / "p1.png").unlink()
    os.utime(tmp_path / "in" / "p2.png", ns=(1, 1))
    watch(make(), quiet, every=0.05, once=True)
    assert placement.frames == 7


def test_a_file_that_grows_waits(make, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [1])
    whole = (folder / "p1.png").read_bytes()
    (folder / "p1.png").write_bytes(whole[:40])
    made = make()
    assert made.look() == []
    (folder / "p1.png").write_bytes(whole)
    assert made.look() == []
    assert made.look() == [folder / "p1.png"]
    assert made.entries["p1.png"].state == "waiting"
    (folder / "empty.png").touch()
    for unfinished in ("a.mp4.part", ".hidden.png", "b.png.crdownload"):
        (folder / unfinished).write_bytes(whole)
    made.look()
    assert made.look() == [folder / "p1.png"]


def test_a_bad_file_is_named_and_the_others_go_on(make, placement, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [1])
    (folder / "notes.txt").write_text("no picture")
    (folder / "p1.tif").write_bytes((folder / "p1.png").read_bytes())
    told = {}
    watch(make(), quiet, every=0.05, once=True, told=lambda name, entry: told.update({name: entry}))
    assert {name: entry.state for name, entry in told.items()} == {
        "notes.txt": "failed",
        "p1.png": "done",
        "p1.tif": "failed",
    }
    assert "notes.txt" in told["notes.txt"].error
    assert "rename one of them" in told["p1.tif"].error
    frames = placement.frames
    watch(make(), quiet, every=0.05, once=True)
    assert placement.frames == frames


def test_an_interruption_leaves_no_result_and_is_made_up_for(make, placement, make_pictures, tmp_path, monkeypatch):
    make_pictures("p%d.png", [1])

    def interrupted(frame, settings, hooks, **rest):
        raise KeyboardInterrupt

    made = make()
    with monkeypatch.context() as patched:
        patched.setattr(placement, "render_timed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            watch(made, quiet, every=0.05, once=True)
    assert status(tmp_path) == {}
    assert [path.name for path in (tmp_path / "out").iterdir()] == [STATUS]
    watch(make(), quiet, every=0.05, once=True)
    assert status(tmp_path)["p1.png"]["state"] == "done"


def test_bad_folders_and_options(make, placement, tmp_path):
    made = make()
    for out in (tmp_path / "in", tmp_path / "in" / "results"):
        with pytest.raises(UserError, match="converted again"):
            Watch(tmp_path / "in", out, Settings(), Job(), placement.load)
    with pytest.raises(UserError, match="is no directory"):
        Watch(tmp_path / "none", tmp_path / "out", Settings(), Job(), placement.load)
    with pytest.raises(UserError, match="go with one source"):
        make(also=("sdr=x.mp4",))
    with pytest.raises(UserError, match="interval is 0"):
        watch(made, quiet, every=0)
    (tmp_path / "in").rmdir()
    with pytest.raises(UserError, match="what is done stays"):
        made.look()
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / STATUS).write_text('{"format": "another"}')
    with pytest.raises(UserError, match="remove it to begin anew"):
        make()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_video_leaves_no_part_among_the_results(make, placement, make_clip, tmp_path, sent):
    """Who fetches out/*.mp4 would take it for a result."""
    render = placement.render_timed

    def interrupted(frame, *arguments, **named):
        if placement.frames == 3:
            os.kill(os.getpid(), sent)
        return render(frame, *arguments, **named)

    make_clip("a.mp4", frames=8).rename(tmp_path / "a.mp4")
    made = make()
    (tmp_path / "a.mp4").rename(tmp_path / "in" / "a.mp4")
    placement.render_timed = interrupted
    with pytest.raises(KeyboardInterrupt):
        watch(made, quiet, every=0.05, once=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [STATUS]
    placement.render_timed = render
    watch(make(), quiet, every=0.05, once=True)
    assert status(tmp_path)["a.mp4"]["frames"] == 8


def test_a_result_that_is_called_like_a_part_stays(make, placement, make_clip, tmp_path):
    made = make()
    make_clip("a.partial.mp4", frames=2).rename(tmp_path / "in" / "a.partial.mp4")
    watch(made, quiet, every=0.05, once=True)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    placement.render_timed = interrupted
    make_clip("a.mp4", frames=2).rename(tmp_path / "in" / "a.mp4")
    with pytest.raises(KeyboardInterrupt):
        watch(made, quiet, every=0.05, once=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.partial.mp4", STATUS]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_video_that_was_whole_when_it_was_interrupted_is_done(
    make, placement, make_clip, tmp_path, monkeypatch, sent
):
    made = make()
    make_clip("a.mp4", frames=3).rename(tmp_path / "in" / "a.mp4")
    for changed in (False, True):  # the second time over an older result
        if changed:
            os.utime(tmp_path / "in" / "a.mp4", ns=(1, 1))
            made = make()
        with monkeypatch.context() as patched:
            patched.setattr("lumaflux.render.clip.write_hdr10plus", lambda job, report: os.kill(os.getpid(), sent))
            with pytest.raises(KeyboardInterrupt, match="being finished, and is whole"):
                watch(made, quiet, every=0.05, once=True)
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", STATUS]
        assert (status(tmp_path)["a.mp4"]["state"], status(tmp_path)["a.mp4"]["frames"]) == ("done", 3)
        before = placement.frames
        watch(make(), quiet, every=0.05, once=True)
        assert placement.frames == before
