"""All scores of one pair of pictures under a preset."""

import math
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.lab.evaluation.hdrvdp3 import hdrvdp3
from lumaflux.lab.evaluation.metrics.clipped_light import ClippedLight, clipped_light
from lumaflux.lab.evaluation.metrics.delta_e_itp import DeltaEItp, delta_e_itp, mean_delta_e_itp
from lumaflux.lab.evaluation.metrics.error_split import ErrorSplit, error_split
from lumaflux.lab.evaluation.metrics.exposure import aligned
from lumaflux.lab.evaluation.metrics.frames import check_pair, in_strips
from lumaflux.lab.evaluation.metrics.hdr_lpips import HdrLpips
from lumaflux.lab.evaluation.metrics.psnr import psnr
from lumaflux.lab.evaluation.metrics.pu21 import pu21_psnr, pu21_psnr_y, pu21_ssim
from lumaflux.lab.evaluation.metrics.ssim import ssim
from lumaflux.lab.evaluation.presets import Preset

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
        check_pair(test_pq, reference_pq)
        views = _Views(test_pq, reference_pq, sdr)
        measures = _MEASURES | {"hdrvdp3_q": self._hdrvdp3, "hdr_lpips": self._hdr_lpips}
        return {key: _plain(measures[key](views)) for key in self.preset.keys}

    def _hdrvdp3(self, views: "_Views") -> float:
        test, reference = views.test_nits[0], views.reference_nits[0]
        views.forget_aligned()
        preset = self.preset
        return hdrvdp3(test, reference, pixels_per_degree=preset.pixels_per_degree, display=preset.display).q

    def _hdr_lpips(self, views: "_Views") -> Tensor | str:
        return UNAVAILABLE if self._lpips is None else self._lpips(views.test_nits, views.reference_nits)


class _Views:
    """A pair as the metrics look at it, each view made once, when it is first asked for."""

    def __init__(self, test_pq: Tensor, reference_pq: Tensor, sdr: Tensor | None):
        self.test_pq, self.reference_pq, self.sdr = test_pq, reference_pq, sdr

    @cached_property
    def test_nits(self) -> Tensor:
        return in_strips(pq.eotf, self.test_pq)

    @cached_property
    def reference_nits(self) -> Tensor:
        return in_strips(pq.eotf, self.reference_pq)

    @cached_property
    def aligned_nits(self) -> Tensor | None:
        exact = aligned(self.test_nits, self.reference_nits)
        return None if exact.isnan().any() else exact

    def forget_aligned(self) -> None:
        """Makes room for a metric that needs much of it."""
        self.__dict__.pop("aligned_nits", None)

    @cached_property
    def delta_e_itp(self) -> DeltaEItp:
        return delta_e_itp(self.test_nits, self.reference_nits, self.sdr)

    @cached_property
    def error_split(self) -> ErrorSplit:
        return error_split(self.test_pq, self.reference_pq)

    @cached_property
    def clipped_light(self) -> ClippedLight | None:
        return None if self.sdr is None else clipped_light(self.test_nits, self.reference_nits, self.sdr)


def _psnr_aligned(views: _Views) -> Tensor | None:
    exact = views.aligned_nits
    return None if exact is None else psnr(in_strips(pq.inverse_eotf, exact), views.reference_pq)


def _delta_e_itp_aligned(views: _Views) -> Tensor | None:
    exact = views.aligned_nits
    return None if exact is None else mean_delta_e_itp(exact, views.reference_nits)


_MEASURES: dict[str, Callable[[_Views], Any]] = {
    "psnr": lambda views: psnr(views.test_pq, views.reference_pq),
    "psnr_aligned": _psnr_aligned,
    "ssim": lambda views: ssim(views.test_pq, views.reference_pq),
    "pu21_psnr": lambda views: pu21_psnr(views.test_nits, views.reference_nits),
    "pu21_psnr_y": lambda views: pu21_psnr_y(views.test_nits, views.reference_nits),
    "pu21_ssim": lambda views: pu21_ssim(views.test_nits, views.reference_nits),
    "delta_e_itp": lambda views: views.delta_e_itp.mean,
    "delta_e_itp_p99": lambda views: views.delta_e_itp.p99,
    "delta_e_itp_aligned": _delta_e_itp_aligned,
    "delta_e_itp_above_203": lambda views: views.delta_e_itp.above_203,
    "delta_e_itp_clipped": lambda views: views.delta_e_itp.clipped,
    "error_exposure": lambda views: views.error_split.exposure,
    "error_curve": lambda views: views.error_split.curve,
    "error_color": lambda views: views.error_split.color,
    "error_local": lambda views: views.error_split.local,
    "clipped_correlation": lambda views: None if views.clipped_light is None else views.clipped_light.correlation,
    "clipped_peak": lambda views: None if views.clipped_light is None else views.clipped_light.peak_stops,
}


def _plain(score: Any) -> Any:
    value = float(score) if isinstance(score, Tensor) else score
    return None if isinstance(value, float) and math.isnan(value) else value
