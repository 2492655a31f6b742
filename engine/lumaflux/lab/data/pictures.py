"""Reads source pictures: linear BT.709 light from OpenEXR and Radiance, SDR signals from JPEG and PNG."""

import base64
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError

_BASE64 = re.compile(r"base64,([A-Za-z0-9+/=]+)")


def _read(path: Path) -> NDArray[np.float32]:
    import OpenImageIO as oiio

    if path.suffix == ".js":
        return _read_embedded(path)
    picture = oiio.ImageInput.open(str(path))
    if picture is None:
        raise UserError(f"{path} is not a readable picture ({oiio.geterror()})")
    try:
        pixels = picture.read_image(format="float")
    finally:
        picture.close()
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] < 3:
        raise UserError(f"{path} is damaged or has fewer than three channels")
    return np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))


def _read_embedded(path: Path) -> NDArray[np.float32]:
    """An OpenEXR file kept as base64 in a JavaScript module."""
    import tempfile

    match = _BASE64.search(path.read_text())
    if match is None:
        raise UserError(f"{path} holds no base64 picture")
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(base64.b64decode(match.group(1)))
        file.flush()
        return _read(Path(file.name))


def read_linear(path: Path) -> NDArray[np.float32]:
    """Relative linear light [3,H,W] (BT.709 primaries unless the file says otherwise), >= 0, finite.

    Negative values (ringing around suns) and infinities become 0 and the largest finite value.
    Raises UserError for an unreadable file.
    """
    pixels = _read(path)
    finite = np.isfinite(pixels)
    peak = float(pixels[finite].max()) if finite.any() else 0.0
    return np.nan_to_num(pixels, nan=0.0, posinf=peak, neginf=0.0).clip(0.0, None)


def read_sdr(path: Path) -> NDArray[np.float32]:
    """An SDR signal [3,H,W] in [0,1] as it is stored. Raises UserError for an unreadable file."""
    return _read(path).clip(0.0, 1.0)
