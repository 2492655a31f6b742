"""Photoreceptor response in just noticeable differences: the integral of sensitivity over log luminance."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import (
    JND_TABLE_SIZE,
    LOG_LIGHT,
    ROD_GAIN,
    ROD_HIGH,
    ROD_LOW,
    ROD_PEAK,
    SENSITIVITY_ALL,
    SENSITIVITY_GAIN,
)


def table_nits(size: int) -> np.ndarray:
    """Luminances [size], evenly spaced in log10 cd/m2, at which a table of that size holds its values."""
    return np.logspace(*LOG_LIGHT, size)


def look_up(table: Tensor, log10_nits: Tensor) -> Tensor:
    """``table`` [size] at ``log10_nits``, linear in between and constant beyond its ends."""
    first, last = LOG_LIGHT
    steps = table.numel() - 1
    position = (log10_nits - first).mul_(steps / (last - first)).clamp_(0, steps)
    index = position.int().clamp_(max=steps - 1)
    position -= index
    slopes = table.diff()
    return position.mul_(slopes[index]).add_(table[index])


def joint_sensitivity(nits: np.ndarray) -> np.ndarray:
    """Peak contrast sensitivity s_A of cones and rods together (Mantiuk et al. 2011)."""
    gain, knee, slope, fall = SENSITIVITY_ALL
    return gain * ((knee / nits) ** slope + 1) ** -fall


def rod_sensitivity(nits: np.ndarray) -> np.ndarray:
    """Peak contrast sensitivity s_R of the rods alone."""
    decades = np.log10(nits / ROD_PEAK)
    exponent, spread = np.where(decades[..., None] > 0, ROD_HIGH, ROD_LOW).T
    return ROD_GAIN * np.exp(-(np.abs(decades) ** exponent) / spread)


@cache
def jnd_tables() -> tuple[np.ndarray, np.ndarray]:
    """Responses of one cone class and of the rods, [2048] each, in JND (Mantiuk et al. 2011)."""
    nits = table_nits(JND_TABLE_SIZE)
    cones = np.maximum(joint_sensitivity(nits) - rod_sensitivity(nits), 1e-3)
    # L and M cones share the work: each is half as sensitive, at half the luminance
    each_cone = 0.5 * np.interp(np.minimum(2 * nits, nits[-1]), nits, cones)
    return _integrate(each_cone), _integrate(rod_sensitivity(nits))


def _integrate(sensitivity: np.ndarray) -> np.ndarray:
    step = np.log(10) * np.diff(np.linspace(*LOG_LIGHT, JND_TABLE_SIZE))
    areas = 0.5 * (sensitivity[1:] + sensitivity[:-1]) * step
    return SENSITIVITY_GAIN * np.concatenate(([0.0], np.cumsum(areas)))


def photoreceptor_response(light: Tensor, gain: float) -> Tensor:
    """Achromatic response [H,W] in JND to L, M and rod light [3,H,W] times the pupil's ``gain``."""
    cones, rods = (torch.from_numpy(table).to(light) for table in jnd_tables())
    log_light = (light * gain).log10_()
    response = look_up(cones, log_light[0])
    response += look_up(cones, log_light[1])
    response += look_up(rods, log_light[2])
    return response
