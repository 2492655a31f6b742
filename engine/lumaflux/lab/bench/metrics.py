"""Seconds of each metric at 1080p, and memory of all scores of a picture at 4K."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FULL_HD, ULTRA_HD = (1920, 1080), (3840, 2160)

_ALEXNET = {
    0: (64, 3, 11, 11),
    3: (192, 64, 5, 5),
    6: (384, 192, 3, 3),
    8: (256, 384, 3, 3),
    10: (256, 256, 3, 3),
}  # convolutions by their place in torchvision's network

_CHILD = """
import json, sys, time
import torch
from lumaflux.lab.bench.machine import peak_resident_mb
from lumaflux.lab.bench.metrics import graded_pair
from lumaflux.lab.evaluation.presets import preset_named
from lumaflux.lab.evaluation.scores import Scorer
width, height = map(int, sys.argv[2:])
test, reference, sdr = graded_pair(width, height)
before = peak_resident_mb()
start = time.perf_counter()
Scorer(preset_named(sys.argv[1]))(test, reference, sdr)
seconds = time.perf_counter() - start
print(json.dumps({"pictures_mb": before, "peak_mb": peak_resident_mb(), "seconds": seconds}))
"""


def run_metrics(rounds: int = 5) -> dict[str, Any]:
    """``metric_seconds`` at 1920x1080 and ``scorer_4k`` (peak_mb, pictures_mb, seconds) at 3840x2160."""
    return {"metric_seconds": metric_timings(*FULL_HD, rounds), "scorer_4k": scorer_memory(*ULTRA_HD)}


def metric_timings(width: int, height: int, rounds: int) -> dict[str, float | None]:
    """Median seconds of each metric alone, from PQ pictures to the number; None for what is not installed.

    ``scorer`` is one picture by the preset luma-eval, HDR-VDP-3 included; ``temporal`` is one frame of a clip.
    """
    calls = _calls(*graded_pair(width, height))
    with torch.no_grad():
        return {name: None if call is None else _median(call, rounds) for name, call in calls.items()}


def scorer_memory(width: int, height: int, preset: str = "luma-eval") -> dict[str, float]:
    """Peak resident MiB of scoring one pair in a process of its own, of it what the process and its three pictures
    took before, and seconds."""
    arguments = [preset, str(width), str(height)]
    done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def graded_pair(width: int, height: int) -> tuple[Tensor, Tensor, Tensor]:
    """A prediction and a reference in PQ and an SDR source [1,3,H,W]: smooth light up to 1000 cd/m2 and fine grain."""
    from lumaflux.color import pq

    generator = torch.Generator().manual_seed(0)
    shape = (1, 3, height // 40 + 2, width // 40 + 2)
    coarse = torch.rand(shape, generator=generator) * 0.4 + torch.rand(1, 1, *shape[2:], generator=generator) * 4 - 1
    level = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    level += 0.02 * torch.randn(1, 1, height, width, generator=generator)
    nits = (10**level).clamp_(0, 1000)
    reference = pq.inverse_eotf(nits)
    test = (reference * 1.01 + 0.002 * torch.randn(reference.shape, generator=generator)).clamp_(0, 1)
    return test, reference, (nits / 203).clamp_(0, 1).pow_(1 / 2.4)


def _median(call: Callable[[], Any], rounds: int) -> float:
    call()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _calls(test: Tensor, reference: Tensor, sdr: Tensor) -> dict[str, Callable[[], Any] | None]:
    from lumaflux.color import pq
    from lumaflux.inference import motion
    from lumaflux.lab.evaluation.hdrvdp3 import hdrvdp3
    from lumaflux.lab.evaluation.metrics import exposure, psnr, pu21, ssim
    from lumaflux.lab.evaluation.metrics.delta_e_itp import delta_e_itp
    from lumaflux.lab.evaluation.metrics.flicker import LightTracks
    from lumaflux.lab.evaluation.metrics.frames import in_strips
    from lumaflux.lab.evaluation.metrics.warping_error import WarpingError
    from lumaflux.lab.evaluation.presets import preset_named
    from lumaflux.lab.evaluation.scores import Scorer
    from lumaflux.lab.evaluation.temporal_scores import TemporalScorer

    preset = preset_named("luma-eval")
    frames_alone = tuple(key for key in preset.temporal_keys if key != "cvvdp_jod")  # minutes, and not ours
    scorer, temporal = Scorer(preset), TemporalScorer(replace(preset, temporal_keys=frames_alone), 24.0)
    warping, light = WarpingError(), LightTracks(24.0)

    def nits() -> tuple[Tensor, Tensor]:
        return in_strips(pq.eotf, test), in_strips(pq.eotf, reference)

    def psnr_aligned() -> Tensor:
        return psnr.psnr(in_strips(pq.inverse_eotf, exposure.aligned(*nits())), reference)

    if motion.available():
        warping.add(test, reference, sdr)
    lpips = _lpips_of_random_weights()
    return {
        "psnr": lambda: psnr.psnr(test, reference),
        "psnr_aligned": psnr_aligned,
        "ssim": lambda: ssim.ssim(test, reference),
        "pu21_psnr": lambda: pu21.pu21_psnr(*nits()),
        "pu21_psnr_y": lambda: pu21.pu21_psnr_y(*nits()),
        "pu21_ssim": lambda: pu21.pu21_ssim(*nits()),
        "delta_e_itp": lambda: delta_e_itp(*nits(), sdr),
        "hdr_lpips": lambda: lpips(*nits()),
        "hdrvdp3_q": lambda: hdrvdp3(*(light[0] for light in nits())),
        "warping_error": (lambda: warping.add(test, reference, sdr)) if motion.available() else None,
        "light_tracks": lambda: light.add(*nits()),
        "scorer": lambda: scorer(test, reference, sdr),
        "temporal": lambda: temporal.add(test, reference, sdr),
    }


def _lpips_of_random_weights() -> Callable[[Tensor, Tensor], Tensor]:
    """As fast as with the real ones, which are the user's."""
    from safetensors.torch import save_file

    from lumaflux.lab.evaluation.metrics.hdr_lpips import HdrLpips

    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for number, (index, shape) in enumerate(_ALEXNET.items()):
        tensors[f"features.{index}.weight"] = 0.05 * torch.randn(shape, generator=generator)
        tensors[f"features.{index}.bias"] = torch.zeros(shape[0])
        tensors[f"lin{number}.model.1.weight"] = torch.rand(1, shape[0], 1, 1, generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "alexnet.safetensors"
        save_file(tensors, weights)
        return HdrLpips(weights)
