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


def test_a_subject_without_a_reference_has_a_shorter_row():
    from lumaflux.lab.evaluation.baselines import BASELINES
    from lumaflux.lab.evaluation.subjects import Subject, subject_sheet

    grey = np.full((3, 288, 448), 0.5, np.float32)
    lit = Subject(caption="lit", sdr=np.ones_like(grey), reference=BASELINES["static-203"](grey))
    picture = np.asarray(subject_sheet([lit, Subject(caption="a", sdr=grey)], {"static": BASELINES["static-203"]}))
    assert picture.shape == (2 * (288 + 20), 3 * 226, 3)
    assert (picture[30 + 144 : 290, 10:200] == 255).all()  # all of the first source is clipped
    assert (picture[288 + 50 + 144 : 590, 10:200] == 0).all()  # nothing of the second
    assert 225 < picture[100, 300, 0] < 235  # 203 cd/m2 by BT.2390 from 1000
    assert (picture[330:, 460:] == 255).all()  # paper, where a reference is missing
