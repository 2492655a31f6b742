"""Fitted parameters of HDR-VDP-3, release 3.0.7, tasks 'quality' and 'side-by-side'; see LICENSE beside this file."""

import json
from functools import cache
from importlib.resources import files

import numpy as np

AGE, REFERENCE_AGE = 24, 28  # years; sensitivities were fitted at the reference age

# Light: clamps of the release, in cd/m2.
MIN_NATIVE, MIN_RETINAL, MIN_CONE, MAX_LIGHT = 1e-6, 1e-5, 1e-8, 1e10
VISIBLE_RATIO = 1e-3  # a pixel that differs by less in every native channel is counted as equal

# Optical MTF (Mantiuk et al. 2011): sum of a exp(-b rho).
_P1, _P2 = 0.061466549455263, 0.99727370023777070
MTF_A = (_P2 * 0.426, _P2 * 0.574, (1 - _P2) * _P1, (1 - _P2) * (1 - _P1))
MTF_B = (0.028, 0.37, 37, 360)

ADAPTATION_SIGMA = 10**-0.781367  # degrees

# Photoreceptor sensitivities (Mantiuk et al. 2011, refitted).
SENSITIVITY_ALL = (315.98, 6.7977, 1.6008, 0.25534)
ROD_PEAK, ROD_LOW, ROD_HIGH, ROD_GAIN = 1.1732, (1.095, 1.32), (2.9899, 0.5547), 10**1.8  # (exponent, spread)
SENSITIVITY_GAIN = 10**0.203943775672

# Neural contrast sensitivity (Mantiuk et al. 2011, eq. 12, refitted): one row of p2..p5 for each adapting luminance.
NCSF_NITS = (0.0002, 0.002, 0.02, 0.2, 2, 20, 150)
NCSF = (
    (1.26181, 4.27832, 0.361902, 3.11914),
    (0.893585, 4.27832, 0.361902, 2.18938),
    (0.84864, 3.57253, 0.530355, 3.12486),
    (0.699243, 3.94545, 0.68608, 4.41846),
    (0.530826, 4.25337, 0.866916, 4.65117),
    (0.459297, 3.78765, 0.981028, 4.33546),
    (0.312626, 4.15264, 0.952367, 3.22389),
)

# Masking and pooling.
MASK_P, MASK_Q = 10**0.3424, 10**0.108934275615
MASK_SELF, MASK_NEIGHBOURS = 10**1.41846291721, 10**0.136877512403
POOLING_EXPONENT = 0.8
JOD_SLOPE, JOD_EXPONENT = 0.52, 1.2812

# Tables over luminance are spaced evenly in log10 over these decades.
LOG_LIGHT = (-5.0, 5.0)
JND_TABLE_SIZE, CSF_TABLE_SIZE = 2048, 256


@cache
def display_matrices(display: str) -> tuple[np.ndarray, np.ndarray]:
    """BT.2020 -> native RGB [3,3] and native RGB -> L, M, rod [3,3], each applied to column vectors.

    The emission spectra, CIE 1931 observer, Smith-Pokorny cones, scotopic luminosity and the lens at age 24 in one;
    raises ValueError for a display without them.
    """
    known = json.loads((files("lumaflux.lab.evaluation.hdrvdp3") / "displays.json").read_text())
    if display not in known:
        raise ValueError(f"HDR-VDP-3 knows no display '{display}'; choose one of {', '.join(known)}")
    lmsr = np.array(known[display]["native_to_lmsr"]).T
    return np.array(known[display]["itu2020_to_native"]), lmsr[[0, 1, 3]]


@cache
def sp0_filters() -> dict[str, np.ndarray]:
    """Taps of the steerable pyramid of order 0 by name: hi0 [9,9], lo0 [7,7], lo [13,13], b [9,9]."""
    taps = json.loads((files("lumaflux.lab.evaluation.hdrvdp3") / "sp0_filters.json").read_text())
    return {name: np.array(values) for name, values in taps.items()}
