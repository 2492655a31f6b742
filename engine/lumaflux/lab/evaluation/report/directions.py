"""What is known about each score: its name on a page, its unit, its digits, and which direction is better."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """``better`` is None for what has no direction: a reference's own figure, or a key that nobody described."""

    key: str
    label: str
    unit: str = ""
    better: Better | None = None
    digits: int = 2

    def text(self, value: float | None, *, signed: bool = False) -> str:
        """A value as a table shows it, with a true minus sign."""
        if value is None or math.isnan(value):
            return "–"
        sign = "+" if signed and value > 0 else ""
        if math.isinf(value):
            return f"{sign}∞" if value > 0 else "−∞"
        rounded = round(value, self.digits) + 0.0  # no negative zero
        if rounded == 0:
            sign = ""
        return f"{sign}{rounded:.{self.digits}f}".replace("-", "−")

    def is_better(self, difference: float) -> bool | None:
        """Whether a difference in this metric is an improvement; None without a direction."""
        return None if self.better is None else (difference > 0) == (self.better == "higher")


def _metric(key: str, label: str, unit: str, better: Better | None, digits: int) -> Metric:
    return Metric(key=key, label=label, unit=unit, better=better, digits=digits)


KNOWN = {
    metric.key: metric
    for metric in (
        _metric("psnr", "PSNR", "dB", "higher", 2),
        _metric("psnr_aligned", "PSNR aligned", "dB", "higher", 2),
        _metric("ssim", "SSIM", "", "higher", 4),
        _metric("pu21_psnr", "PU21-PSNR", "dB", "higher", 2),
        _metric("pu21_psnr_y", "PU21-PSNR-Y", "dB", "higher", 2),
        _metric("pu21_ssim", "PU21-SSIM", "", "higher", 4),
        _metric("delta_e_itp", "ΔE-ITP", "", "lower", 2),
        _metric("delta_e_itp_p99", "ΔE-ITP p99", "", "lower", 2),
        _metric("delta_e_itp_aligned", "ΔE-ITP aligned", "", "lower", 2),
        _metric("delta_e_itp_above_203", "ΔE-ITP above 203", "", "lower", 2),
        _metric("delta_e_itp_clipped", "ΔE-ITP clipped", "", "lower", 2),
        _metric("error_exposure", "Error by exposure", "share", None, 2),
        _metric("error_curve", "Error by tone curve", "share", None, 2),
        _metric("error_color", "Error by color", "share", None, 2),
        _metric("error_local", "Error, local", "share", None, 2),
        _metric("clipped_correlation", "Correlation in clipped areas", "", "higher", 2),
        _metric("clipped_peak", "Peak in clipped areas over the reference's", "stops", None, 2),
        _metric("hdrvdp3_q", "HDR-VDP-3 Q", "", "higher", 3),
        _metric("hdr_lpips", "HDR-LPIPS", "", "lower", 4),
        _metric("cvvdp_jod", "ColorVideoVDP", "JOD", "higher", 3),
        _metric("warping_error", "Warping error", "", "lower", 6),
        _metric("warping_error_reference", "Warping error of the reference", "", None, 6),
        _metric("warping_error_excess", "Warping error, excess", "", "lower", 6),
        _metric("flicker", "Flicker", "PU21", "lower", 3),
        _metric("flicker_spectrum", "Flicker, 2-15 Hz", "PU21²", "lower", 3),
        _metric("p99_track_error", "p99 track error", "PU21", "lower", 2),
        _metric("p50_track_error", "p50 track error", "PU21", "lower", 2),
    )
}
# families of keys, for metrics that come later; a reference's own figure has no direction
_FAMILIES: tuple[tuple[str, Better], ...] = (
    ("psnr", "higher"),
    ("ssim", "higher"),
    ("jod", "higher"),
    ("delta_e", "lower"),
    ("lpips", "lower"),
    ("error", "lower"),
    ("flicker", "lower"),
    ("deviation", "lower"),
)


def metric_named(key: str) -> Metric:
    """What is known about ``key``; an unknown key is shown under its own name, without a direction."""
    if key in KNOWN:
        return KNOWN[key]
    better: Better | None = None
    if "reference" not in key:
        better = next((way for word, way in _FAMILIES if word in key), None)
    return Metric(key=key, label=key.replace("_", " "), better=better, digits=4)


def in_order(keys: Iterable[str]) -> list[str]:
    """The known keys in the order of the tables, then the others as they came."""
    found = list(dict.fromkeys(keys))
    return [key for key in KNOWN if key in found] + [key for key in found if key not in KNOWN]
