"""ACES renderings between 1000 cd/m2 HDR and SDR, through the configurations inside the opencolorio package.

HDR to SDR is the inverse of the HDR view followed by the SDR view; SDR to HDR the other way round. OpenColorIO
works on CPU float32 pixels: a torch tensor is carried over and back, without gradients.
"""

from functools import cache
from importlib import import_module
from typing import Any, Literal

import numpy as np

from lumaflux.color import pq
from lumaflux.color.arrays import Array

Version = Literal["1.3", "2.0"]
PEAK_NITS = 1000.0
_CONFIGS = {
    "1.3": (
        "studio-config-v1.0.0_aces-v1.3_ocio-v2.1",
        "ACES 1.1 - HDR Video (1000 nits & Rec.2020 lim)",
        "ACES 1.0 - SDR Video",
    ),
    "2.0": (
        "studio-config-v4.0.0_aces-v2.0_ocio-v2.5",
        "ACES 2.0 - HDR 1000 nits (Rec.2020)",
        "ACES 2.0 - SDR 100 nits (Rec.709)",
    ),
}
_HDR_DISPLAY, _SDR_DISPLAY = "Rec.2100-PQ - Display", "Rec.1886 Rec.709 - Display"


def sdr_from_hdr(nits: Array, version: Version = "1.3") -> Array:
    """BT.2020 light ``[..., 3, H, W]`` in cd/m2, up to 1000 -> BT.709/BT.1886 SDR in [0, 1]."""
    signal = pq.inverse_eotf(nits.clip(0.0, PEAK_NITS))
    return _like(_apply(_processor(version, True), _pixels(signal)), nits).clip(0.0, 1.0)


def hdr_from_sdr(sdr: Array, version: Version = "1.3") -> Array:
    """BT.709/BT.1886 SDR ``[..., 3, H, W]`` in [0, 1] -> BT.2020 light in cd/m2, up to 1000."""
    signal = _like(_apply(_processor(version, False), _pixels(sdr.clip(0.0, 1.0))), sdr)
    return pq.eotf(signal).clip(0.0, PEAK_NITS)


@cache
def _processor(version: Version, to_sdr: bool) -> Any:
    if version not in _CONFIGS:
        raise ValueError(f"The ACES version is one of {', '.join(_CONFIGS)}, not {version!r}.")
    ocio: Any = import_module("PyOpenColorIO")  # binary module without type information
    name, hdr_view, sdr_view = _CONFIGS[version]
    config = ocio.Config.CreateFromBuiltinConfig(name)
    ends = [(_HDR_DISPLAY, hdr_view), (_SDR_DISPLAY, sdr_view)]
    (from_display, from_view), (to_display, to_view) = ends if to_sdr else ends[::-1]
    inverse = ocio.DisplayViewTransform(
        src="ACES2065-1", display=from_display, view=from_view, direction=ocio.TRANSFORM_DIR_INVERSE
    )
    forward = ocio.DisplayViewTransform(src="ACES2065-1", display=to_display, view=to_view)
    return config.getProcessor(ocio.GroupTransform([inverse, forward])).getDefaultCPUProcessor()


def _pixels(signal: Array) -> np.ndarray:
    host = signal if isinstance(signal, np.ndarray) else signal.detach().cpu().numpy()
    return np.ascontiguousarray(np.moveaxis(host, -3, -1), dtype=np.float32)


def _apply(processor: Any, pixels: np.ndarray) -> np.ndarray:
    processor.applyRGB(pixels)
    return np.moveaxis(pixels, -1, -3)


def _like(result: np.ndarray, original: Array) -> Array:
    if isinstance(original, np.ndarray):
        return result.astype(original.dtype)
    return original.new_tensor(np.ascontiguousarray(result))
