"""Light over time: the flicker that a prediction adds to its reference, and the tracks of what each frame emits."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.color import pu21
from lumaflux.color.primaries import BT2020_LUMA, luminance

BAND_HZ = (2.0, 15.0)
LEAST_SECONDS = 1.0  # two periods of the slowest counted flicker
QUANTILES = {"p50": 0.5, "p99": 0.99}
OPTIONS = {
    "level": "mean over the picture of PU21 banding_glare of the luminance",
    "flicker": "mean of |step of the prediction's level - step of the reference's|, PU21 units",
    "p50_track_error": "mean of |PU21 of the prediction's median luminance - of the reference's|",
    "p99_track_error": "the same of the 99th percentile",
    "flicker_spectrum": "power of the difference of the levels, Hann window, linear trend removed, PU21 units squared",
    "flicker_spectrum_band_hz": list(BAND_HZ),
    "flicker_spectrum_at_least_seconds": LEAST_SECONDS,
}


class LightTracks:
    """Takes a clip frame by frame, light [1,3,H,W] in cd/m2 BT.2020, and keeps four numbers of each."""

    def __init__(self, frame_rate: float):
        self._frame_rate = frame_rate
        self._test: list[dict[str, float]] = []
        self._reference: list[dict[str, float]] = []

    @torch.no_grad()
    def add(self, test_nits: Tensor, reference_nits: Tensor) -> None:
        self._test.append(_levels(test_nits))
        self._reference.append(_levels(reference_nits))

    def scores(self) -> dict[str, float | None]:
        """``flicker``, ``p99_track_error``, ``p50_track_error``, ``flicker_spectrum``; None for a single frame, the
        spectrum also for a clip too short or too slow to hold its band."""
        if len(self._test) < 2:
            return dict.fromkeys(("flicker", "p99_track_error", "p50_track_error", "flicker_spectrum"))
        difference = np.array(self._track("level", self._test)) - self._track("level", self._reference)
        return {
            "flicker": float(np.abs(np.diff(difference)).mean()),
            "p99_track_error": self._track_error("p99"),
            "p50_track_error": self._track_error("p50"),
            "flicker_spectrum": band_power(difference, self._frame_rate),
        }

    def tracks(self) -> dict[str, dict[str, list[float]]]:
        """cd/m2 a frame: ``mean``, ``p50`` and ``p99`` of "prediction" and "reference"."""
        return {
            name: {key: self._track(key, levels) for key in ("mean", *QUANTILES)}
            for name, levels in (("prediction", self._test), ("reference", self._reference))
        }

    @staticmethod
    def _track(key: str, levels: list[dict[str, float]]) -> list[float]:
        return [level[key] for level in levels]

    def _track_error(self, key: str) -> float:
        test, reference = (pu21.encode(np.array(self._track(key, levels))) for levels in (self._test, self._reference))
        return float(np.abs(test - reference).mean())


def _levels(nits: Tensor) -> dict[str, float]:
    y = luminance(nits, BT2020_LUMA)
    quantiles = np.quantile(y.numpy(), list(QUANTILES.values()))
    return {
        "level": pu21.encode(y).mean(dtype=torch.float64).item(),
        "mean": y.mean(dtype=torch.float64).item(),
        **{key: float(value) for key, value in zip(QUANTILES, quantiles, strict=True)},
    }


def band_power(values: Sequence[float] | np.ndarray, frame_rate: float, band: tuple[float, float] = BAND_HZ) -> Any:
    """Power of ``values`` [N] within ``band`` (Hz): a sine of amplitude a inside it has a^2/2.

    None for less than a second, and where half the frame rate does not reach the band.
    """
    count = len(values)
    if count < math.ceil(LEAST_SECONDS * frame_rate) or frame_rate / 2 < band[0]:
        return None
    steps = np.arange(count)
    trend = np.polynomial.Polynomial.fit(steps, values, 1)
    window = np.hanning(count + 1)[:-1]  # periodic
    power = np.abs(np.fft.rfft((values - trend(steps)) * window)) ** 2 / (count * np.square(window).sum())
    power[1 : (count + 1) // 2] *= 2  # the negative frequencies
    frequencies = np.fft.rfftfreq(count, 1 / frame_rate)
    return float(power[(frequencies >= band[0]) & (frequencies <= band[1])].sum())
