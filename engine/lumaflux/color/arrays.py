"""What the curves need of an array, NumPy's or torch's: its namespace, its channels, a safe power."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor; the two share no typed protocol


def namespace(*arrays: Array) -> ModuleType:
    """The array API namespace of ``arrays``; raises TypeError for anything that is no array."""
    if all(isinstance(array, np.ndarray | np.generic) for array in arrays):
        return np  # which is the standard's since 2.1
    import array_api_compat  # a quarter of a second for NumPy's arrays

    return array_api_compat.array_namespace(*arrays)


def channels(rgb: Array, name: str = "rgb") -> tuple[Array, Array, Array]:
    """The three planes ``[..., H, W]`` of a channels-first array ``[..., 3, H, W]``.

    Raises ValueError when the array has another shape.
    """
    if rgb.ndim < 3 or rgb.shape[-3] != 3:
        raise ValueError(f"{name} must have the shape [..., 3, H, W], but has {tuple(rgb.shape)}.")
    return rgb[..., 0, :, :], rgb[..., 1, :, :], rgb[..., 2, :, :]


def stack(planes: Sequence[Array]) -> Array:
    """Planes ``[..., H, W]`` to one channels-first array ``[..., C, H, W]``."""
    return namespace(planes[0]).stack(list(planes), axis=-3)


def power(x: Array, exponent: float, floor: float) -> Array:
    """``max(x, 0) ** exponent`` for an exponent below 1, whose slope at 0 is infinite.

    Below ``floor`` the chord from the origin stands in for the curve, so that the value at 0 is exact, the
    function is continuous and increasing, and its gradient is finite everywhere.
    """
    chord = floor ** (exponent - 1)
    return namespace(x).where(x < floor, chord * x.clip(0.0, floor), x.clip(floor, None) ** exponent)
