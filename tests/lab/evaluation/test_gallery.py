"""The sheets of the page of pictures: sizes, captions, and a set that has nothing to show."""

import json
from pathlib import Path

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.gallery import scenes, sheet


def test_sheet_places_every_picture():
    red, blue = np.zeros((10, 30, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    picture = np.asarray(sheet([[("a", red), ("b", red)], [("c", blue)]]))
    assert picture.shape == (10 + 20 + 20 + 20, 2 * 32, 3)
    assert (picture[20:30, :30] == red[0, 0]).all()
    assert (picture[20:30, 32:62] == red[0, 0]).all()
    assert (picture[50:70, :40] == blue[0, 0]).all()
    assert (picture[:20] == 255).any()


def test_a_set_without_these_operators_is_refused(tmp_path: Path):
    empty = {"name": "x", "clips": [], "files": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(empty))
    with pytest.raises(UserError):
        scenes(tmp_path)
