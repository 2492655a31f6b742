"""Q against the HDR-VDP 3.0.7 release, and the laws of the score."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.lab.evaluation.hdrvdp3 import hdrvdp3

DISPLAYS = {"rgb_display=led-lcd-wcg": "led-lcd-wcg", "default(oled)": "oled"}
GOLDEN = Path(os.environ["GOLDEN_DIR"]) if "GOLDEN_DIR" in os.environ else None


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # pictures this small only wait for each other
    yield
    torch.set_num_threads(threads)


def golden_rows():
    if GOLDEN is None:
        reason = "GOLDEN_DIR does not name the directory with HDR-VDP's golden.csv and inputs/"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    with (GOLDEN / "golden.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["task"] in ("quality", "side-by-side")]
    rows = [row for row in rows if row["color_encoding"] == "rgb-bt.2020" and row["options"] in DISPLAYS]
    return [pytest.param(row, id="-".join([row["pair"], row["task"], row["ppd"], row["options"]])) for row in rows]


def picture(values, dtype):
    return torch.from_numpy(values).permute(2, 0, 1).to(dtype)


# float32 was seen 3.6e-6 from the release at most
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 2e-5)])
@pytest.mark.parametrize("row", golden_rows())
def test_golden(row, dtype, tolerance):
    with np.load(GOLDEN / "inputs" / f"{row['pair']}.npz") as pair:
        test, reference = picture(pair["test"], dtype), picture(pair["reference"], dtype)
    score = hdrvdp3(test, reference, pixels_per_degree=float(row["ppd"]), display=DISPLAYS[row["options"]])
    assert score.q == pytest.approx(float(row["Q"]), rel=0, abs=tolerance)
    assert score.q_jod == pytest.approx(float(row["Q_JOD"]), rel=0, abs=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
def test_crop(dtype, tolerance):
    with np.load(Path(__file__).with_name("p02_crop_stages.npz")) as held:
        test, reference = picture(held["test"], dtype), picture(held["reference"], dtype)
        q, q_jod = held["Q"], held["Q_JOD"]
    score = hdrvdp3(test, reference, pixels_per_degree=60)
    assert score.q == pytest.approx(float(q), rel=0, abs=tolerance)
    assert score.q_jod == pytest.approx(float(q_jod), rel=0, abs=tolerance)


def scene(height, width, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    return torch.exp(6 * torch.rand(3, height, width, generator=generator, dtype=dtype) - 2)


@pytest.mark.parametrize("size", [(13, 13), (13, 40), (65, 31), (64, 64)])
@pytest.mark.parametrize("pixels_per_degree", [5, 20, 50])
def test_equal_pictures_score_ten(size, pixels_per_degree):
    score = hdrvdp3(scene(*size), scene(*size), pixels_per_degree=pixels_per_degree)
    assert (score.q, score.q_jod) == (10, 10)


def test_score_falls_with_the_difference_and_ignores_what_cannot_be_seen():
    reference = scene(64, 80)
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    scores = [hdrvdp3(reference * torch.exp(amount * noise), reference).q for amount in (1e-5, 0.02, 0.1, 0.4)]
    assert scores[0] == pytest.approx(10, abs=1e-9)  # under a thousandth in nearly every pixel
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 9 < scores[1] < 10


def test_inputs_are_kept():
    test, reference = scene(20, 30), scene(20, 30) * 1.1
    before = test.clone(), reference.clone()
    hdrvdp3(test, reference)
    assert torch.equal(test, before[0])
    assert torch.equal(reference, before[1])


@pytest.mark.parametrize(
    ("test", "reference", "options", "message"),
    [
        (scene(20, 20), scene(20, 21), {}, "one shape"),
        (scene(20, 20), scene(20, 20, torch.float32), {}, "dtype"),
        (scene(20, 20)[None], scene(20, 20)[None], {}, r"\[3,H,W\]"),
        (scene(12, 20), scene(12, 20), {}, "13 pixels"),
        (scene(20, 20).half(), scene(20, 20).half(), {}, "float32 or float64"),
        (scene(20, 20) * torch.nan, scene(20, 20), {}, "test picture holds NaN"),
        (scene(20, 20), scene(20, 20) / 0, {}, "reference picture holds NaN or infinite"),
        (scene(20, 20), scene(20, 20), {"pixels_per_degree": 4}, "pixels per degree"),
        (scene(20, 20), scene(20, 20), {"display": "crt"}, "no display 'crt'"),
    ],
)
def test_wrong_inputs_are_named(test, reference, options, message):
    with pytest.raises(ValueError, match=message):
        hdrvdp3(test, reference, **options)
