"""Names that are no UTF-8, as old archives have them: tracks, templates and picture libraries take text alone."""

import os
import shutil

import pytest

from lumaflux.errors import FrameError

_OLD_NAME = os.fsdecode(b"caf\xe9.mp4")  # Latin-1, as old archives have it


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", _OLD_NAME, "out.mp4"],
        ["convert", "in.mp4", _OLD_NAME],
        ["convert", "in.mp4", "out.mp4", f"--report={_OLD_NAME}"],
        ["analyze", _OLD_NAME, "-o", "track.json"],
        ["view", _OLD_NAME, "-o", "page.html"],
        ["info", _OLD_NAME],
        ["farm", "job", _OLD_NAME, "out.mp4", "--out", "bundle"],
        ["farm", "frames", _OLD_NAME, "out"],
        ["timeline", "show", _OLD_NAME],
        ["watch", _OLD_NAME, "out"],
    ],
)
def test_a_name_that_is_no_text_is_refused_by_every_command(refused, tmp_path, arguments):
    (tmp_path / _OLD_NAME).write_bytes(b"x")
    assert "caf\\xe9.mp4 is not written in UTF-8; rename the file or its folder" in refused(arguments)
    assert [path.name for path in tmp_path.iterdir()] == [_OLD_NAME]


@pytest.mark.parametrize("pattern", ["p%d.png", "clip.mp4"])
def test_names_that_are_no_text_do_not_stop_the_rest(run, make_pictures, make_clip, tmp_path, pattern):
    """Names of old archives, in Latin-1 say, which picture libraries and tracks do not take."""
    folder = make_pictures("p%d.png", [1, 2]) if "%" in pattern else tmp_path / "in"
    folder.mkdir(exist_ok=True)
    if "%" not in pattern:
        for name in ("a.mp4", "b.mp4"):
            shutil.move(make_clip("clip.mp4", frames=3), folder / name)
    last = sorted(folder.iterdir())[-1]
    last.rename(os.path.join(folder, os.fsdecode(b"\xe9" + os.fsencode(last.suffix))))
    with pytest.raises(FrameError, match=r"1 of 2 .*the name .*\\xe9\.\w+ is not written in UTF-8") as failed:
        run(folder, tmp_path / "out", encoder_preset="ultrafast" if "%" not in pattern else None)
    assert len(vars(failed.value)["reports"]) == len(list((tmp_path / "out").iterdir())) == 1
