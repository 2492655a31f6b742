"""The pictures of SDR-HDR pairs: 8-bit SDR written as PNG that says its transfer, 16-bit PQ frames read as they are."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.stills.picture import probe_still, read_still
from lumaflux.media.stills.png_chunks import chunk, copy_with
from lumaflux.media.video.source import check_file

SdrTransfer = Literal["srgb", "bt709"]
_CICP: dict[SdrTransfer, tuple[int, int, int, int]] = {"srgb": (1, 13, 0, 1), "bt709": (1, 1, 0, 1)}  # H.273


def write_sdr_picture(path: str | os.PathLike, sdr: NDArray[np.uint8], transfer: SdrTransfer) -> None:
    """Write BT.709 R'G'B' codes uint8 [3,H,W] as PNG with a cICP chunk; an older file is replaced.

    ``transfer`` says whether the codes are an sRGB picture's or a video's, meant for BT.1886.
    Raises ValueError for another shape or dtype, UserError for a target that cannot be written.
    """
    from PIL import Image

    if sdr.dtype != np.uint8 or sdr.ndim != 3 or sdr.shape[0] != 3:
        raise ValueError(f"an SDR picture is uint8 [3,H,W], not {sdr.dtype} {sdr.shape}")
    with AtomicFile(path, overwrite=True) as file:
        Image.fromarray(np.ascontiguousarray(np.moveaxis(sdr, 0, -1))).save(file.scratch, format="png")
        with file.scratch.open("rb") as plain, file.partial.open("wb") as tagged:
            copy_with(plain, tagged, chunk(b"cICP", bytes(_CICP[transfer])))


def read_sdr_codes(path: Path) -> NDArray[np.uint8]:
    """An 8-bit SDR picture as coded: uint8 [3,H,W]. Raises UserError for HDR, more bits, or an unreadable file."""
    still = read_still(check_file(path))
    if still.info.bit_depth != 8:
        raise UserError(f"{path} has {still.info.bit_depth} bits; the SDR side of a pair has 8.")
    return np.floor(still.sdr * 255 + 0.5).astype(np.uint8)


def read_pq_picture(path: Path) -> NDArray[np.float32]:
    """A 16-bit picture of PQ/BT.2020 codes, tagged so or not at all: signal [3,H,W] in [0,1].

    Raises UserError for fewer bits and for pictures tagged otherwise.
    """
    info = probe_still(check_file(path))
    if info.bit_depth != 16:
        raise UserError(f"{path} has {info.bit_depth} bits; HDR frames of a pair have 16.")
    if info.transfer.source == "tagged" and info.transfer.value != "pq":
        raise UserError(f"{path} is tagged {info.transfer.value}, not PQ; it is no HDR frame.")
    if info.primaries.source == "tagged" and info.primaries.value != "bt2020":
        raise UserError(f"{path} has {info.primaries.value} primaries, not BT.2020.")
    return read_still(path, allow_hdr=True).sdr
