import json

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.stored import FolderMethod, read_predictions

GOOD = {"clip": "a", "frame": 0, "prediction": "x.png"}


def written(tmp_path, *lines):
    file = tmp_path / "p.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return file


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "line 2, is no JSON object"),
        ("[1]", "line 2, is no JSON object"),
        ({"clip": "a", "frame": "0", "prediction": "x.png"}, "line 2, must be"),
        ({"clip": "a", "frame": True, "prediction": "x.png"}, "line 2, must be"),
        ({"clip": "a", "prediction": "x.png"}, "line 2, must be"),
        (GOOD, "a second time"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, said):
    with pytest.raises(UserError, match=said):
        read_predictions(written(tmp_path, GOOD, line))


def test_no_predictions_at_all(tmp_path):
    with pytest.raises(UserError, match="names no predictions"):
        read_predictions(written(tmp_path, ""))
    with pytest.raises(UserError, match="holds no predictions"):
        FolderMethod(name="other", folder=tmp_path).describe()


def test_the_description_changes_with_the_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "000000.png").write_bytes(b"1")
    method = FolderMethod(name="other", folder=tmp_path)
    before = method.describe()
    assert method.describe() == before
    (tmp_path / "a" / "000000.png").write_bytes(b"12")
    assert method.describe() != before
    (tmp_path / "a" / "000001.png").write_bytes(b"1")
    assert method.describe()["files"] == 2
