"""Folders as they really are: companions of other systems among the pictures, videos, and a report in every ending."""

import json
import shutil

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import FrameError, UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.job import Job
from lumaflux.render.report_file import write_report
from lumaflux.settings import Settings


def test_hidden_and_foreign_files_are_skipped_with_a_line(run, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [1, 2])
    (folder / "._p1.png").write_bytes(b"\0\5\x16\7" + bytes(20))
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    (folder / "inside").mkdir()
    reports = run(folder, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["p1.png", "p2.png"]
    notes = " ".join(reports[0].notes)
    for word in (
        "._p1.png is skipped: it is the companion",
        ".DS_Store is skipped",
        "notes.txt is skipped",
        "a directory",
    ):
        assert word in notes


def test_pictures_of_every_kind_by_their_names(run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    from PIL import Image

    for name in ("a.png", "b.JPG", "c.tiff", "d.webp", "e.avif"):
        Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(folder / name)
    run(folder, tmp_path / "out")
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == ["a", "b", "c", "d", "e"]


def test_a_folder_of_videos(run, make_clip, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.mp4", "b.mkv"):
        shutil.move(make_clip(name, frames=3), folder / name)
    (folder / "._a.mp4").write_bytes(b"\0\5\x16\7")
    reports = run(folder, tmp_path / "out", encoder_preset="ultrafast")
    assert [report.frames for report in reports] == [3, 3]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "b.mp4"]
    assert any("._a.mp4 is skipped" in note for note in reports[0].notes)
    shutil.copy(folder / "a.mp4", folder / "a.mov")
    with pytest.raises(UserError, match="two videos named a"):
        run(folder, tmp_path / "out2")


def test_a_bad_video_does_not_stop_the_rest(run, make_clip, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    shutil.move(make_clip("b.mp4", frames=3), folder / "b.mp4")
    (folder / "a.mp4").write_bytes(b"no video")
    with pytest.raises(FrameError, match=r"1 of 2 videos were not converted: .*a\.mp4") as failed:
        run(folder, tmp_path / "out", encoder_preset="ultrafast")
    assert [report.source.name for report in failed.value.reports] == ["b.mp4"]


def test_videos_among_pictures_are_named(run, make_pictures, make_clip, tmp_path):
    folder = make_pictures("p%d.png", [1])
    shutil.move(make_clip("a.mp4", frames=3), folder / "a.mp4")
    (report,) = run(folder, tmp_path / "out")
    assert any("a.mp4 is skipped" in note for note in report.notes)
    (report,) = run(folder, tmp_path / "video", deliver="hdr10", encoder_preset="ultrafast")
    assert report.target.name == "a.mp4"


def test_the_report_is_there_in_every_ending(run, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [1, 2])
    (folder / "p3.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(FrameError, match="1 of 3 pictures") as failed:
        run(folder, tmp_path / "out")
    assert [report.frames for report in failed.value.reports] == [1, 1]
    write_report(tmp_path / "r.json", failed.value.reports, Settings(), Job(), str(failed.value))
    written = json.loads((tmp_path / "r.json").read_text())
    assert len(written["conversions"]) == 2
    assert "p3.png" in written["ending"]


@pytest.mark.parametrize("name", ["take #1.mp4", "me@home.mp4", "b#.mp4"])
def test_number_signs_in_the_name_of_a_video(run, make_clip, tmp_path, name):
    run(make_clip(frames=2), tmp_path / name, encoder_preset="ultrafast")
    assert (tmp_path / name).exists()


def test_a_number_sign_before_a_number_numbers_nothing(run, make_pictures, tmp_path):
    assert SequencePath.parse(tmp_path / "take #1.png") is None
    found = SequencePath.parse(tmp_path / "take #1.####.png")
    assert found is not None
    assert found.file(7).name == "take #1.0007.png"
    source = make_pictures("p%d.png", [1]) / "p1.png"
    run(source, tmp_path / "shot #2.png")
    assert oiio.ImageInput.open(str(tmp_path / "shot #2.png")) is not None
