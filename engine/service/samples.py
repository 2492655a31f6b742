"""A host's interleaved samples to planes and back: depth, premultiplication, values that are no light."""

import numpy as np

_LARGEST_HALF = 65504.0
_FULL = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}  # the code of 1.0


def planes_of(pixels: np.ndarray, *, premultiplied: bool = False) -> np.ndarray:
    """Pixels [H,W,3|4] of float32, float16, uint16 or uint8 -> finite float32 [3,H,W], not premultiplied.

    NaN becomes 0, infinity the largest half of its sign. Where alpha is 0, colour is taken as it is.
    """
    planes = _float_planes(pixels[..., :3])
    if premultiplied and pixels.shape[2] == 4:
        alpha = _alpha(pixels)
        np.divide(planes, alpha, out=planes, where=alpha > 0)
        _repair(planes)
    return planes


def write_planes(planes: np.ndarray, source: np.ndarray, *, premultiplied: bool = False) -> np.ndarray:
    """Planes [3,H,W] -> pixels like ``source`` [H,W,3|4], whose alpha is kept bit for bit."""
    if premultiplied and source.shape[2] == 4:
        planes = planes * _alpha(source)
    pixels = np.empty_like(source)
    full = _FULL.get(source.dtype)
    for channel in range(3):
        plane = planes[channel]
        if full is not None:
            plane = np.rint(plane.clip(0.0, 1.0) * full)
        elif source.dtype == np.float16:
            plane = plane.clip(-_LARGEST_HALF, _LARGEST_HALF)
        pixels[..., channel] = plane
    if source.shape[2] == 4:
        pixels[..., 3] = source[..., 3]
    return pixels


def _float_planes(rgb: np.ndarray) -> np.ndarray:
    full = _FULL.get(rgb.dtype)
    planes = np.empty((3, *rgb.shape[:2]), np.float32)
    for channel in range(3):
        planes[channel] = rgb[..., channel]
    if full is not None:
        planes /= np.float32(full)
    else:
        _repair(planes)
    return planes


def _repair(planes: np.ndarray) -> None:
    np.nan_to_num(planes, copy=False, nan=0.0, posinf=_LARGEST_HALF, neginf=-_LARGEST_HALF)


def _alpha(pixels: np.ndarray) -> np.ndarray:
    """[H,W] from 0 on; what is no number counts as opaque."""
    full = _FULL.get(pixels.dtype, 1.0)
    alpha = pixels[..., 3].astype(np.float32) / np.float32(full)
    alpha[~np.isfinite(alpha)] = 1.0
    return alpha.clip(0.0, None)
