"""A host's interleaved samples to planes and back: depth, premultiplication, values that are no light."""

import numpy as np
import torch

_LARGEST_HALF = 65504.0
_FULL = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}  # the code of 1.0


def planes_of(pixels: np.ndarray, *, premultiplied: bool = False) -> np.ndarray:
    """Pixels [H,W,3|4] of float32, float16, uint16 or uint8 -> finite float32 [3,H,W], not premultiplied.

    NaN becomes 0, infinity the largest half of its sign. Where alpha is 0, colour is taken as it is.
    """
    full = _FULL.get(pixels.dtype)
    rgb = torch.as_tensor(np.require(pixels, requirements=["C", "W"]))[..., :3].permute(2, 0, 1)
    planes = torch.empty(rgb.shape, dtype=torch.float32).copy_(rgb)
    if full is not None:
        planes /= full
    else:
        _repair(planes)
    if premultiplied and pixels.shape[2] == 4:
        alpha = torch.as_tensor(_alpha(pixels))
        planes = _repair(torch.where(alpha > 0, planes / alpha, planes))
    return planes.numpy()


def write_planes(planes: np.ndarray, source: np.ndarray, out: np.ndarray, *, premultiplied: bool = False) -> None:
    """Planes [3,H,W] -> pixels of the shape and type of ``source`` [H,W,3|4], whose alpha is kept bit for bit.

    ``out`` may be the source itself.
    """
    light = torch.as_tensor(planes)
    if premultiplied and source.shape[2] == 4:
        light = light * torch.as_tensor(_alpha(source))
    full = _FULL.get(source.dtype)
    if full is not None:
        light = (light.clamp(0, 1) * full).round_()
    elif source.dtype == np.float16:
        light = light.clamp(-_LARGEST_HALF, _LARGEST_HALF)
    if out.flags.c_contiguous:
        torch.as_tensor(out)[..., :3].copy_(light.permute(1, 2, 0))
    else:  # rows from the bottom up, which torch cannot hold
        out[..., :3] = light.permute(1, 2, 0).numpy()
    if source.shape[2] == 4 and out is not source:
        out[..., 3] = source[..., 3]


def _repair(planes: torch.Tensor) -> torch.Tensor:
    return torch.nan_to_num_(planes, nan=0.0, posinf=_LARGEST_HALF, neginf=-_LARGEST_HALF)


def _alpha(pixels: np.ndarray) -> np.ndarray:
    """[H,W] from 0 on; what is no number counts as opaque."""
    full = _FULL.get(pixels.dtype, 1.0)
    alpha = pixels[..., 3].astype(np.float32) / np.float32(full)
    alpha[~np.isfinite(alpha)] = 1.0
    return alpha.clip(0.0, None)
