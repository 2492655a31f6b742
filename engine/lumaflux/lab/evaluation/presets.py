"""Presets fix every option of an evaluation; what they fix is written into every result."""

from dataclasses import dataclass
from typing import Any

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.metrics import (
    clipped_light,
    cvvdp,
    delta_e_itp,
    error_split,
    exposure,
    flicker,
    hdr_lpips,
    psnr,
    pu21,
    ssim,
    warping_error,
)

KEYS = (
    "psnr",
    "psnr_aligned",
    "ssim",
    "pu21_psnr",
    "pu21_psnr_y",
    "pu21_ssim",
    "delta_e_itp",
    "delta_e_itp_p99",
    "delta_e_itp_aligned",
    "delta_e_itp_above_203",
    "delta_e_itp_clipped",
    "hdrvdp3_q",
    "hdr_lpips",
)
TEMPORAL_KEYS = (
    "warping_error",
    "warping_error_reference",
    "warping_error_excess",
    "flicker",
    "flicker_spectrum",
    "p99_track_error",
    "p50_track_error",
    "cvvdp_jod",
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """``keys``: which scores of a picture, ``temporal_keys`` of a clip; HDR-VDP-3 at ``pixels_per_degree`` on
    ``display``."""

    name: str
    keys: tuple[str, ...]
    temporal_keys: tuple[str, ...] = ()
    pixels_per_degree: float = 50.0
    display: str = "led-lcd-wcg"

    @property
    def diagnoses(self) -> bool:
        """Whether it says where errors come from."""
        return "error_exposure" in self.keys

    def options(self) -> dict[str, Any]:
        """Everything that a score depends on, besides the pictures."""
        return {
            "preset": self.name,
            "container": "16-bit PQ/BT.2020 PNG, full range, 1.0 = 10000 cd/m2",
            "psnr": psnr.OPTIONS,
            "ssim": ssim.OPTIONS,
            "pu21": pu21.OPTIONS,
            "delta_e_itp": delta_e_itp.OPTIONS,
            "aligned": exposure.OPTIONS,
            **({"error_split": error_split.OPTIONS, "clipped_light": clipped_light.OPTIONS} if self.diagnoses else {}),
            "hdrvdp3": {
                "version": "3.0.7",
                "task": "quality",
                "pixels_per_degree": self.pixels_per_degree,
                "rgb_display": self.display,
                "age": 24,
                "score": "Q",
            },
            "hdr_lpips": hdr_lpips.OPTIONS,
            "warping_error": warping_error.OPTIONS,
            "light_over_time": flicker.OPTIONS,
            "cvvdp": cvvdp.options(),
            "average": "per picture, then the mean over pictures; infinite scores are left out and counted",
        }


_DIAGNOSIS = (
    "psnr",
    "psnr_aligned",
    "delta_e_itp",
    "delta_e_itp_aligned",
    "delta_e_itp_above_203",
    "delta_e_itp_clipped",
    "error_exposure",
    "error_curve",
    "error_color",
    "error_local",
    "clipped_correlation",
    "clipped_peak",
)
_HDRTV1K = ("psnr", "ssim", "delta_e_itp", "hdrvdp3_q")
PRESETS = {
    preset.name: preset
    for preset in (
        Preset(name="luma-eval", keys=KEYS, temporal_keys=TEMPORAL_KEYS),
        Preset(name="hdrtv1k", keys=_HDRTV1K),
        Preset(name="diagnosis", keys=_DIAGNOSIS),
    )
}


def preset_named(name: str) -> Preset:
    """Raises UserError for an unknown name."""
    if name not in PRESETS:
        raise UserError(f"unknown preset '{name}'; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
