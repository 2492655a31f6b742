"""Names that no file can have: too long for the file system, or links that go round."""

import sys

import pytest

from lumaflux import cli
from lumaflux.errors import UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.options import ModelOptions

LONG = "n" * 300 + ".mp4"


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", LONG],
        ["convert", LONG, "out.mp4"],
        ["convert", "round.mp4", "out.mp4"],
        ["convert", f"a/{LONG}", "b.png", "out"],
        ["convert", "in.mp4", "out.mp4", "--report", LONG],
        ["analyze", LONG, "-o", "track.json"],
        ["view", LONG, "-o", "page.html"],
        ["farm", "frames", LONG, "out"],
        ["farm", "status", LONG],
        ["farm", "run", LONG],
        ["timeline", "show", LONG],
        ["watch", LONG, "out"],
    ],
)
def test_a_name_that_no_file_has_is_a_sentence(monkeypatch, capsys, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "round.mp4").symlink_to("round.mp4")
    (tmp_path / "in.mp4").write_bytes(b"x")
    monkeypatch.setattr(cli, "end_by_signals", lambda: None)
    monkeypatch.setattr(sys, "argv", ["lumaflux", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("lumaflux: ")
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "round.mp4"]


@pytest.mark.parametrize("name", ["m" * 300, "m" * 100_000])
def test_a_model_that_cannot_be_called_so_is_a_sentence(name):
    with pytest.raises(UserError, match="no model can be called mmm") as said:
        weights_identity(ModelOptions(model=name))
    assert len(str(said.value)) < 200
