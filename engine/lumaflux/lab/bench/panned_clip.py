"""Clips for measuring, out of photographs: ``python -m lumaflux.lab.bench.panned_clip PHOTOGRAPH ... FOLDER``.

A window of 640x360 moves over each photograph, whose SDR is reduced to 960 pixels across: two pixels a frame, from left
to right in its middle. H.264 as the web carries it.
"""

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.arguments import file_there, whole
from lumaflux.endings import told

_SIZE, _ACROSS, _STEP = (360, 640), 960, 2
_RATE, _CRF = Fraction(24), 23


def windows(picture: NDArray[np.uint8], frames: int) -> Iterator[NDArray[np.uint8]]:
    """Codes [H,W,3] -> ``frames`` windows [3,360,640]; the last repeats where the picture ends.

    Raises UserError for a picture that is no larger than a window.
    """
    from lumaflux.errors import UserError

    height, width = _SIZE
    if picture.shape[0] < height or picture.shape[1] < width:
        raise UserError(f"the picture has {picture.shape[1]}x{picture.shape[0]} pixels; {width}x{height} are the least")
    top = (picture.shape[0] - height) // 2
    for number in range(frames):
        left = min(number * _STEP, picture.shape[1] - width)
        yield np.moveaxis(picture[top : top + height, left : left + width], -1, 0)


def panned_clip(photograph: Path, folder: Path, frames: int) -> Path:
    """NAME.mp4 of NAME.jpg. Raises UserError for what is no picture."""
    from PIL import Image, UnidentifiedImageError

    from lumaflux.errors import UserError
    from lumaflux.lab.data.x264_clip import X264Encoding, write_x264

    try:
        with Image.open(photograph) as opened:
            height = max(_SIZE[0], round(opened.height * _ACROSS / opened.width))
            codes = np.asarray(opened.convert("RGB").resize((_ACROSS, height), Image.Resampling.LANCZOS))
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{photograph} cannot be read as a picture ({error})") from None
    target = folder / f"{photograph.stem}.mp4"
    write_x264(target, windows(codes, frames), X264Encoding(crf=_CRF, frame_rate=_RATE))
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.panned_clip", description=__doc__)
    parser.add_argument("photographs", type=file_there, nargs="+")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=whole(), default=24)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for photograph in options.photographs:
        print(panned_clip(photograph, options.folder, options.frames))


if __name__ == "__main__":
    with told("lumaflux"):
        main()
