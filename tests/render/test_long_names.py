"""Names that no file can have: too long for the file system, or links that go round."""

import pytest

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
def test_a_name_that_no_file_has_is_a_sentence(refused, tmp_path, arguments):
    (tmp_path / "round.mp4").symlink_to("round.mp4")
    (tmp_path / "in.mp4").write_bytes(b"x")
    refused(arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "round.mp4"]


@pytest.mark.parametrize("name", ["m" * 300, "m" * 100_000])
def test_a_model_that_cannot_be_called_so_is_a_sentence(name):
    with pytest.raises(UserError, match="no model can be called mmm") as said:
        weights_identity(ModelOptions(model=name))
    assert len(str(said.value)) < 200
