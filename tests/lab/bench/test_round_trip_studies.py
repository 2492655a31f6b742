"""What `python -m lumaflux.lab.bench.way_back` and `.certificate` print, on a tiny model and a drawn clip."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter
from lumaflux.lab.bench import certificate, conversion, way_back
from lumaflux.model.build import build
from lumaflux.model.presets import TINY

pytestmark = pytest.mark.slow


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "WIDTH", 96)
    monkeypatch.setattr(conversion, "HEIGHT", 64)
    conversion.write_moving_gradient(tmp_path / "clip.mp4", 4)
    return tmp_path / "clip.mp4"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    highlights = replace(TINY, name="highlights", local_light="highlights", working_pixels=1024, tone_bins=4)
    converter = Converter(TorchBackend(build(highlights, seed=0)))
    monkeypatch.setattr("lumaflux.inference.load.load", lambda name: converter)
    return converter


def test_what_comes_back_alone_and_with_the_residual(clip, tiny, capsys):
    found = way_back.way_back(clip, tiny, None, 3, 12)
    assert {(error.psnr, error.largest) for error in found.residual} == {(math.inf, 0)}
    assert found.kind == "pictures"
    assert 20 < found.alone[0].psnr < 60
    assert found.alone[0].largest > 0
    assert found.shots == [range(3)]
    assert len(found.rows("clip")) == 1
    assert min(found.delivered_bytes, found.curves_bytes, found.residual_bytes) > 0
    later = way_back.way_back(clip, tiny, "1-2", None, 12)
    assert later.kind == "difference"
    assert later.alone[0].psnr < later.residual[0].psnr < math.inf
    way_back.main([str(clip), "--limit", "2"])
    assert re.search(r"\| `clip` \| [0-9.]+ dB, \d+ \| no error, pictures \|", capsys.readouterr().out)


def test_each_shot_of_a_drawn_clip_has_a_row(tiny, capsys):
    way_back.main(["--drawn", "--limit", "14"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| frames ")]
    assert [row.split("|")[1].strip() for row in rows] == ["frames 0-9", "frames 10-13"]


def test_what_a_certificate_costs_and_shows(clip, tiny, tmp_path):
    found = certificate.measured(clip, tiny, 3, 1)
    assert {change: code for change, (code, _) in found.answers.items()} == {
        "nothing": 0,
        "one bit of the video": 2,
        "one bit of the source": 2,
        "a setting in the certificate": 2,
        "the same, sealed anew": 4,
        "the video, by one 0.1 stops brighter": 2,
        "the same, its SHA-256 sealed in": 4,
    }
    assert found.frames == 3
    assert found.frame_bytes > 100
    assert [row.count("|") for row in found.rows()] == [3, 3, 3, 0, *[4] * 7]
    certified, brighter = map(np.asarray, found.cells)
    assert 0.005 < (brighter - certified).mean() < 0.02  # 0.1 stops of PQ
    picture = tmp_path / "cells.png"
    certificate.draw(np.full((3, 64, 96), 0.5, np.float32), *found.cells, picture)
    with Image.open(picture) as drawn:
        assert drawn.size == (288, 64)
        assert np.asarray(drawn)[:, :96].mean() > 100
