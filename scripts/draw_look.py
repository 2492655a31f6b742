"""Draws docs/pictures/look.jpg: a pair that a look did not see, as SDR, by the shipped model, by the look, as graded.

python scripts/draw_look.py docs/pictures/look.jpg sdr.png hdr.png studio.safetensors
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lumaflux.color import bt2390, pq
from lumaflux.inference.load import load
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.stills.picture import read_still

COLUMN = 400  # pixels


def main(target: str, sdr: str, hdr: str, look: str) -> None:
    codes = torch.from_numpy(read_still(sdr).bt1886)
    made = [pq.eotf(load("lite", look=each).render(codes)) for each in (None, look)]
    pages = [codes, *(page(light) for light in made), page(torch.from_numpy(DisplayLight(Path(hdr)).frame().nits))]
    sheet = np.concatenate(
        [np.moveaxis((255 * one.clamp(0, 1)).round().byte().numpy(), 0, -1) for one in pages], axis=1
    )
    picture = Image.fromarray(np.ascontiguousarray(sheet))
    width = 4 * COLUMN
    picture.resize((width, picture.height * width // picture.width), Image.Resampling.LANCZOS).save(target, quality=88)


def page(nits: torch.Tensor) -> torch.Tensor:
    return bt2390.sdr_from_hdr(nits[None], master_peak=1000.0, target_peak=203.0)[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
