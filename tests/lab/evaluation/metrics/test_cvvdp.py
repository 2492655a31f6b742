import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.metrics import cvvdp
from lumaflux.lab.evaluation.metrics.cvvdp import ColorVideoVdp, interpreter, options

GOLDEN = os.environ.get("GOLDEN_DIR")
needs_cvvdp = pytest.mark.skipif(
    not os.environ.get(cvvdp.VARIABLE), reason="LUMAFLUX_CVVDP names no Python with cvvdp installed"
)


@pytest.fixture(autouse=True)
def asked_anew():
    cvvdp._version.cache_clear()


def test_without_it_it_is_unavailable(monkeypatch):
    monkeypatch.delenv(cvvdp.VARIABLE, raising=False)
    monkeypatch.setattr(cvvdp, "find_spec", lambda name: None)
    assert interpreter() is None
    assert options()["version"] == "unavailable"


@pytest.mark.parametrize(("python", "said"), [("/nowhere/python", "does not start"), (sys.executable, "has no cvvdp")])
def test_an_interpreter_that_cannot_is_named(monkeypatch, python, said):
    if said == "has no cvvdp" and cvvdp.find_spec("pycvvdp"):
        pytest.skip("this environment has cvvdp")
    monkeypatch.setenv(cvvdp.VARIABLE, python)
    with pytest.raises(UserError, match=said) as caught:
        interpreter()
    assert python in str(caught.value)


def test_frames_are_spooled_as_codes_and_removed(tmp_path, monkeypatch):
    """An interpreter of three lines shows what the real one is given."""
    python = tmp_path / "python"
    python.write_text(
        "#!" + sys.executable + "\n"
        "import json, sys, pathlib\n"
        "call = json.loads(sys.argv[3])\n"
        "sizes = [pathlib.Path(call[name]).stat().st_size for name in ('test', 'reference')]\n"
        "first = int.from_bytes(pathlib.Path(call['test']).read_bytes()[:2], 'little')\n"
        "print(json.dumps({'jod': [call['shape'], call['frame_rate'], sizes, first]}))\n"
    )
    python.chmod(0o755)
    clip = ColorVideoVdp(python, 25.0)
    assert clip.score() is None
    pictures = torch.full((1, 3, 4, 6), 40000 / 65535), torch.zeros(1, 3, 4, 6)
    clip.add(*pictures)
    assert clip.score() == [[1, 3, 4, 6], 0, [144, 144], 40000]
    clip.add(*pictures)
    assert clip.score() == [[2, 3, 4, 6], 25.0, [288, 288], 40000]
    folder = Path(clip._folder.name)
    assert folder.exists()
    del clip
    assert not folder.exists()


def test_a_failure_is_one_sentence(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'Traceback' >&2\necho 'MemoryError: too large' >&2\nexit 1\n")
    python.chmod(0o755)
    clip = ColorVideoVdp(python, 25.0)
    clip.add(torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 4, 6))
    with pytest.raises(UserError, match="failed: MemoryError: too large"):
        clip.score()


@needs_cvvdp
@pytest.mark.slow
def test_a_static_gain_is_invisible_and_a_flicker_of_10_percent_is_not():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 9, 15, generator=generator) * 2.7  # 0 .. 880 nit
    nits = 10 ** torch.nn.functional.interpolate(coarse, size=(135, 240), mode="bicubic")

    def score(gain):
        clip = ColorVideoVdp(interpreter(), 30.0)
        for number in range(15):
            clip.add(pq.inverse_eotf(nits * gain(number)), pq.inverse_eotf(nits))
        return clip.score()

    assert score(lambda number: 1.05) == pytest.approx(10, abs=0.005)
    assert 5 < score(lambda number: 1.1 if number % 2 else 0.9) < 9


@needs_cvvdp
@pytest.mark.slow
@pytest.mark.skipif(not GOLDEN, reason="GOLDEN_DIR does not name the directory with cvvdp.csv and inputs/")
@pytest.mark.parametrize("pair", ["p01_identical", "p02_pqnoise010", "p03_blur15"])
def test_stills_have_the_golden_scores(pair):
    folder = Path(GOLDEN)
    expected = {row["pair"]: float(row["Q_JOD"]) for row in csv.DictReader((folder / "cvvdp.csv").open())}
    with np.load(folder / "inputs" / f"{pair}.npz") as pictures:
        test, reference = (
            torch.from_numpy(pictures[name].transpose(2, 0, 1).copy())[None] for name in ("test", "reference")
        )
    clip = ColorVideoVdp(interpreter(), 0.0)
    clip.add(pq.inverse_eotf(test), pq.inverse_eotf(reference))
    assert clip.score() == pytest.approx(expected[pair], abs=1e-4)
