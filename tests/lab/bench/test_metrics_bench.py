"""The bench of the metrics: that it measures every one of them, never how long it takes."""

import torch

from lumaflux.inference import motion
from lumaflux.lab.bench.metrics import graded_pair, metric_timings, scorer_memory
from lumaflux.lab.evaluation.presets import KEYS, preset_named
from lumaflux.lab.evaluation.scores import Scorer


def test_the_pair_is_graded_light_with_every_score():
    test, reference, sdr = graded_pair(160, 96)
    assert test.shape == reference.shape == sdr.shape == (1, 3, 96, 160)
    scores = Scorer(preset_named("luma-eval"))(test, reference, sdr)
    assert {key for key in KEYS if isinstance(scores[key], float)} == {*KEYS} - {"hdr_lpips"}
    assert torch.equal(graded_pair(160, 96)[0], test)


def test_every_metric_has_its_seconds():
    seconds = metric_timings(160, 96, rounds=1)
    groups = {"psnr", "psnr_aligned", "ssim", "pu21_psnr", "pu21_psnr_y", "pu21_ssim", "delta_e_itp", "hdrvdp3_q"}
    assert seconds.keys() == groups | {"hdr_lpips", "warping_error", "light_tracks", "scorer", "temporal"}
    missing = {name for name, value in seconds.items() if value is None}
    assert missing == (set() if motion.available() else {"warping_error"})
    assert all(value > 0 for value in seconds.values() if value is not None)


def test_memory_is_that_of_a_process_of_its_own():
    held = torch.ones(300 << 18)  # 300 MiB here, none of it there
    small, large = scorer_memory(160, 96), scorer_memory(640, 360)
    assert small["pictures_mb"] <= small["peak_mb"] < large["peak_mb"]
    assert large["peak_mb"] - small["peak_mb"] < 60 * 4 * 640 * 360 / 2**20  # 60 planes of float32
    assert held.sum() > 0
