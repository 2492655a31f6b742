"""What `python -m lumaflux.lab.bench.key_light` and `.cheaper_steps` measure, on a tiny model and a drawn clip."""

import json

import numpy as np
import pytest
import torch

import lumaflux
from lumaflux.lab.bench import cheaper_steps, conversion
from lumaflux.lab.bench import key_light as study


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "WIDTH", 96)
        patch.setattr(conversion, "HEIGHT", 64)
        conversion.write_moving_gradient(path, 4)
    return path


@pytest.fixture
def tiny(monkeypatch):
    converter = lumaflux.load("tiny", device="cpu")
    monkeypatch.setattr("lumaflux.inference.load.load", lambda name: converter)
    return converter


def test_light_of_key_frames_beside_that_of_every_frame(clip, tiny, capsys):
    study.main([str(clip), "--frames", "3"])
    figures = json.loads(capsys.readouterr().out)
    assert 0 <= figures["delta_e_itp"] <= figures["delta_e_itp_worst"] < 50
    assert figures["flicker"] >= 0
    assert 0 <= figures["asked"] <= 1
    assert study._flicker([1.0, 2.0, 4.0]) == 1.0


def test_less_is_evaluated_under_a_wider_bound(clip, tiny, monkeypatch):
    monkeypatch.setattr(cheaper_steps, "STEP_BOUNDS", (1e-6, 1.0))
    monkeypatch.setattr(cheaper_steps, "BLOCK_BOUNDS", (1.0,))
    (frame,) = cheaper_steps.clip_frames(clip, [2])
    assert (frame.shape, frame.dtype) == ((3, 64, 96), torch.float32)
    rows = [row.split("|")[1:-1] for row in cheaper_steps.rows(tiny, [frame], 4)]
    assert [row[0].strip() for row in rows] == ["`--step-reuse 1e-06`", "`--step-reuse 1`", "`--block-reuse 1`"]
    none, most, blocks = ([int(row[1]), float(row[2])] for row in rows)
    assert none[0] > most[0] > 0
    assert none[1] == pytest.approx(0, abs=1e-6)
    assert blocks[0] < none[0]
    assert np.isfinite([most[1], blocks[1]]).all()
