"""An SDR frame as a PNG of 8 bits that says by cICP that it is a video's: BT.709, meant for BT.1886."""

from pathlib import Path

import numpy as np

from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.stills.png_chunks import chunk, copy_with

_BT709 = bytes((1, 1, 0, 1))  # H.273


def write_sdr(path: Path, codes: np.ndarray, *, overwrite: bool = False) -> None:
    """R'G'B' [3,H,W] in [0,1]. Raises UserError for a target that cannot be written."""
    from PIL import Image

    pixels = np.ascontiguousarray(np.moveaxis(np.floor(codes.clip(0, 1) * 255 + 0.5).astype(np.uint8), 0, -1))
    with AtomicFile(path, overwrite=overwrite) as file:
        Image.fromarray(pixels).save(file.scratch, format="png")
        with file.scratch.open("rb") as plain, file.partial.open("wb") as tagged:
            copy_with(plain, tagged, chunk(b"cICP", _BT709))
