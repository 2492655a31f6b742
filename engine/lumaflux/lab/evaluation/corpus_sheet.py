"""A sheet to look at: pairs of a corpus, a row for every rendering, SDR beside its HDR in false colour."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lumaflux.color import pq
from lumaflux.color.false_colour import false_colour
from lumaflux.color.primaries import luminance
from lumaflux.errors import UserError
from lumaflux.lab.data.shards import HDR_FULL_SCALE, Shard, read_corpus

_CAPTION, _LARGEST = 16, 160  # pixels: of a row's caption, of a picture's side


def corpus_sheet(folder: Path, pairs: int = 4) -> Image.Image:
    """Up to ``pairs`` pairs a row, of different scenes where there are so many.

    Raises UserError when ``folder`` holds no corpus, or an empty one.
    """
    chosen: dict[str, list[tuple[Shard, int]]] = {}
    for shard in read_corpus(folder).shards:
        for index, rendering in enumerate(shard.renderings):
            row = chosen.setdefault(rendering.name, [])
            if len(row) < pairs and all(shard.scene != other.scene for other, _ in row):
                row.append((shard, index))
    if not chosen:
        raise UserError(f"the corpus in {folder} holds no pairs")
    rows = [(name, [_pair(folder, *entry) for entry in chosen[name]]) for name in sorted(chosen)]
    side = rows[0][1][0].shape[0]
    sheet = Image.new("RGB", (pairs * (2 * side + 6), len(rows) * (side + _CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, pictures) in enumerate(rows):
        top = number * (side + _CAPTION)
        draw.text((2, top + 2), name, fill="black")
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (column * (2 * side + 6), top + _CAPTION))
    return sheet


def _pair(folder: Path, shard: Shard, index: int) -> np.ndarray:
    """SDR and false colour side by side: uint8 [S,2S,3]."""
    from safetensors import safe_open

    with safe_open(folder / shard.file, "numpy") as file:
        sdr = file.get_slice("sdr")[index : index + 1][0]
        source = int(file.get_slice("hdr_of")[index : index + 1][0])
        hdr = file.get_slice("hdr")[source : source + 1][0].astype(np.float32) / HDR_FULL_SCALE
    stride = -(-sdr.shape[1] // _LARGEST)
    light = false_colour(luminance(pq.eotf(hdr[:, ::stride, ::stride]))[0])
    return np.concatenate([sdr[:, ::stride, ::stride].transpose(1, 2, 0), light], axis=1)
