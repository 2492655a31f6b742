"""All scores of one pair of pictures under a preset."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.color import pq
from engine.evaluation.hdrvdp3 import hdrvdp3
from engine.evaluation.metrics.delta_e_itp import delta_e_itp
from engine.evaluation.metrics.exposure import aligned
from engine.evaluation.metrics.hdr_lpips import HdrLpips
from engine.evaluation.metrics.psnr import psnr
from engine.evaluation.metrics.pu21 import pu21_psnr, pu21_psnr_y, pu21_ssim
from engine.evaluation.metrics.ssim import ssim
from engine.evaluation.presets import Preset

UNAVAILABLE = "unavailable"


class Scorer:
    """``lpips_weights``: AlexNet and LPIPS weights as safetensors; without them HDR-LPIPS is "unavailable"."""

    def __init__(self, preset: Preset, lpips_weights: Path | None = None):
        self.preset = preset
        self._lpips = HdrLpips(lpips_weights) if lpips_weights is not None else None

    @torch.no_grad()
    def __call__(self, test_pq: Tensor, reference_pq: Tensor, sdr: Tensor | None = None) -> dict[str, Any]:
        """PQ pictures [1,3,H,W] (and the SDR source) -> score by key: a number, None where it has no meaning
        (no SDR source, no such pixel), math.inf for the PSNR of equal pictures, or "unavailable".

        Raises ValueError for sizes that differ and values that are not finite.
        """
        scores: dict[str, Any] = {"psnr": psnr(test_pq, reference_pq), "ssim": ssim(test_pq, reference_pq)}
        test, reference = pq.eotf(test_pq), pq.eotf(reference_pq)
        exact = aligned(test, reference)
        difference = delta_e_itp(test, reference, sdr)
        scores |= {
            "psnr_aligned": psnr(pq.inverse_eotf(exact), reference_pq),
            "pu21_psnr": pu21_psnr(test, reference),
            "pu21_psnr_y": pu21_psnr_y(test, reference),
            "pu21_ssim": pu21_ssim(test, reference),
            "delta_e_itp": difference.mean,
            "delta_e_itp_p99": difference.p99,
            "delta_e_itp_aligned": delta_e_itp(exact, reference).mean,
            "delta_e_itp_above_203": difference.above_203,
            "delta_e_itp_clipped": difference.clipped,
            "hdrvdp3_q": self._hdrvdp3(test, reference),
            "hdr_lpips": UNAVAILABLE if self._lpips is None else self._lpips(test, reference),
        }
        return {key: _plain(scores[key]) for key in self.preset.keys}

    def _hdrvdp3(self, test: Tensor, reference: Tensor) -> float | None:
        if "hdrvdp3_q" not in self.preset.keys:
            return None
        preset = self.preset
        return hdrvdp3(test[0], reference[0], pixels_per_degree=preset.pixels_per_degree, display=preset.display).q


def _plain(score: Any) -> Any:
    value = float(score) if isinstance(score, Tensor) else score
    return None if isinstance(value, float) and math.isnan(value) else value
