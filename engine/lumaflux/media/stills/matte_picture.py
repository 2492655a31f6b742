"""A matte as a picture: 16-bit PNG, or half-float EXR whose channels have names."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile

CHANNELS = ("confidence.measured", "confidence.extended", "confidence.invented")


def write_matte(path: Path, shares: np.ndarray, *, overwrite: bool = False) -> None:
    """Shares [3,H,W] in [0,1] as ``.exr`` by ``CHANNELS``, or as ``.png``: red, green and blue in the same order.

    Raises UserError for another suffix and for a target that cannot be written.
    """
    import OpenImageIO as oiio

    formats = {".exr": "openexr", ".png": "png"}
    kind = formats.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"{path}: a matte is written as .png or .exr; name such a file")
    height, width = shares.shape[1:]
    spec = oiio.ImageSpec(width, height, 3, "half" if kind == "openexr" else "uint16")
    if kind == "openexr":
        spec.channelnames = CHANNELS
        spec.attribute("compression", "zip")
        pixels = shares.astype(np.float16)
    else:
        spec.attribute("png:compressionLevel", 1)
        spec.attribute("oiio:ColorSpace", "Raw")
        pixels = (65535 * shares.clip(0, 1) + 0.5).astype(np.uint16)
    with AtomicFile(path, overwrite=overwrite, exclusive=True) as file:
        output: Any = oiio.ImageOutput.create(kind)
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        if not (output.open(os.fspath(file.partial), spec) and output.write_image(pixels) and output.close()):
            raise UserError(f"{path} cannot be written ({output.geterror()})")
