"""RGB primaries, the 3x3 matrices between them, and luma.

Whites differ only between the D65 spaces and ACES; adaptation is Bradford, as in ACES and its OpenColorIO configs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lumaflux.color.arrays import Array, channels, stack

Chromaticity = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Primaries:
    """CIE 1931 xy chromaticities of an RGB space's primaries and white."""

    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity
    white: Chromaticity


D65 = (0.3127, 0.3290)  # BT.709-6 1.4, BT.2020-2 Table 3
ACES_WHITE = (0.32168, 0.33767)  # SMPTE ST 2065-1, 4.1.2
BT709 = Primaries(red=(0.640, 0.330), green=(0.300, 0.600), blue=(0.150, 0.060), white=D65)  # BT.709-6 1.3
BT2020 = Primaries(red=(0.708, 0.292), green=(0.170, 0.797), blue=(0.131, 0.046), white=D65)  # BT.2020-2 Table 3
P3_D65 = Primaries(red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060), white=D65)  # SMPTE EG 432-1
ACES_AP0 = Primaries(red=(0.7347, 0.2653), green=(0.0, 1.0), blue=(0.0001, -0.0770), white=ACES_WHITE)  # ST 2065-1
ACES_AP1 = Primaries(red=(0.713, 0.293), green=(0.165, 0.830), blue=(0.128, 0.044), white=ACES_WHITE)  # S-2014-004
# Blackmagic Design, DaVinci Resolve 17 Wide Gamut Intermediate, 2021
DAVINCI_WIDE_GAMUT = Primaries(red=(0.8000, 0.3130), green=(0.1682, 0.9877), blue=(0.0790, -0.1155), white=D65)

BT2020_LUMA = (0.2627, 0.6780, 0.0593)  # BT.2020-2 Table 4
BT709_LUMA = (0.2126, 0.7152, 0.0722)  # BT.709-6 3.2

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(xy: Chromaticity) -> NDArray[np.float64]:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def rgb_to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """The 3x3 matrix from linear RGB to XYZ under the space's own white; RGB = 1 gives Y = 1 (RP 177, 3.3)."""
    points = (primaries.red, primaries.green, primaries.blue)
    if all(y for _, y in points):
        columns = np.stack([_xyz(point) for point in points], axis=1)
    else:  # CIE XYZ itself: a primary without luminance
        columns = np.array([(x, y, 1 - x - y) for x, y in points], dtype=np.float64).T
    return columns * np.linalg.solve(columns, _xyz(primaries.white))


def _adaptation(source: Chromaticity, target: Chromaticity) -> NDArray[np.float64]:
    if source == target:
        return np.eye(3)
    gain = (_BRADFORD @ _xyz(target)) / (_BRADFORD @ _xyz(source))
    return np.linalg.inv(_BRADFORD) @ (gain[:, None] * _BRADFORD)


def rgb_to_rgb(src: Primaries, dst: Primaries) -> NDArray[np.float64]:
    """The 3x3 matrix from linear ``src`` RGB to linear ``dst`` RGB; white goes to white (rows sum to 1)."""
    return np.asarray(np.linalg.solve(rgb_to_xyz(dst), _adaptation(src.white, dst.white) @ rgb_to_xyz(src)), np.float64)


def apply_matrix(matrix: ArrayLike, rgb: Array) -> Array:
    """``matrix`` (3x3) times the channels of ``rgb`` ``[..., 3, H, W]``, in its dtype and on its device.

    Written out: a matrix product would follow autocast and TF32, and its rounding could follow the frame's size.
    Raises ValueError for another shape.
    """
    r, g, b = channels(rgb)
    rows = np.asarray(matrix, dtype=np.float64).tolist()
    return stack([kr * r + kg * g + kb * b for kr, kg, kb in rows])


def luminance(rgb: Array, weights: Sequence[float] = BT2020_LUMA) -> Array:
    """The channels of ``[..., 3, H, W]`` weighted and summed to ``[..., 1, H, W]``: luminance, of a signal luma."""
    r, g, b = channels(rgb)
    return (weights[0] * r + weights[1] * g + weights[2] * b)[..., None, :, :]
