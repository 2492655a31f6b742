"""The pictures of docs/pictures.md: ``python -m lumaflux.lab.evaluation.gallery SET FOLDER``.

HDR is shown tone-mapped (BT.2390 to 203 cd/m2): a page has no more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumaflux.arguments import folder_there
from lumaflux.color import pq
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.evaluation import measures, signals
from lumaflux.lab.evaluation.comparison import for_page, picture_bytes

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

Pixels = NDArray[np.uint8]
METHODS = {
    "static curve": "static-curve",
    "inverse ACES 1.3": "inverse-aces-1.3",
    "paper's path": "model:lite:direct",
    "detail transfer": "model:lite",
}
OPERATORS = ("hard-clip", "aces-1.3", "reinhard")
_CAPTION, _QUALITY = 20, 88
_INK = ((170, 170, 170), (200, 60, 40))


def scenes(set_folder: Path, crf: int = 23) -> Image.Image:
    """A row for each scene's first sequence and operator: source, METHODS, reference.

    Raises UserError for a set without such clips.
    """
    from lumaflux.lab.evaluation.methods.method import ClipFrames
    from lumaflux.lab.evaluation.methods.named import method_named
    from lumaflux.lab.evaluation.sets.manifest import read_manifest

    clips = {}
    for clip in read_manifest(set_folder).clips:
        if clip.crf == crf and clip.rendering in OPERATORS:
            clips.setdefault((clip.scene, clip.rendering), clip)
    if not clips:
        raise UserError(f"{set_folder} has no clip by {', '.join(OPERATORS)} at CRF {crf}; build the mini set")
    methods = {caption: method_named(text) for caption, text in METHODS.items()}
    rows = []
    for key in sorted(clips):
        frame = next(iter(ClipFrames(folder=set_folder, clip=clips[key], numbers=range(1))))
        row = [(f"{key[1]}: source", picture_bytes(frame.sdr))]
        row += [(caption, _shown(next(iter(m.predictions(clips[key], [frame]))))) for caption, m in methods.items()]
        rows.append([*row, ("reference", _shown(frame.reference_pq[0].numpy()))])
    return sheet(rows)


def edges(converter: "Converter") -> Image.Image:
    """Text, wires before a clipped sun, and flat fields: source, detail transfer, the paper's path."""
    rows = []
    for sdr in (signals.text(), signals.clipped_sun(), signals.steps()[:, :, :480]):
        kept, generated = converter.render(sdr), converter.convert(sdr).hdr_pq
        shown = {"source": picture_bytes(sdr), "detail transfer": _shown(kept), "paper's path": _shown(generated)}
        rows.append(list(shown.items()))
    return sheet(rows)


def ramp_plot(converter: "Converter", size: tuple[int, int] = (900, 330)) -> Image.Image:
    """PQ of a grey 8-bit gradient of 13 pixels a code, in 10-bit codes: its placement as it comes, and the result."""
    import torch

    sdr = signals.neutral_ramp(1024, 64, 0.3, 0.6)
    result = converter.render(sdr)
    network, frame = converter.backend.network, torch.from_numpy(sdr)[None]
    with torch.inference_mode():
        banded = network.to_pq(network.start(frame, network.placement(converter.reduced(frame))))[0].numpy()
    shown = slice(400, 600)
    lines = [876 * picture[1, 32, shown] for picture in (banded, result)]
    low, high = (bound([bound(line) for line in lines]) for bound in (np.min, np.max))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for line, ink in zip(lines, _INK, strict=True):
        x = np.linspace(50, size[0] - 10, len(line))
        y = size[1] - 30 - (size[1] - 70) * (line - low) / (high - low)
        draw.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=ink, width=2)
    font = ImageFont.load_default(13)
    steps = [measures.largest_step(picture) for picture in (banded, result)]
    words = ("the source's codes, placed", "detail transfer with debanding")
    for index, (word, step) in enumerate(zip(words, steps, strict=True)):
        text = f"{word}: largest step {step:.2f} Delta-E-ITP"
        draw.text((60, 8 + 18 * index), text, fill=_INK[index], font=font)
    draw.text((4, 40), f"{high:.0f}", fill="black", font=font)
    draw.text((4, size[1] - 40), f"{low:.0f}", fill="black", font=font)
    draw.text((50, size[1] - 20), "10-bit PQ codes over pixels 400 to 600 of 1024", fill="black", font=font)
    return canvas


def sheet(rows: Sequence[Sequence[tuple[str, Pixels]]]) -> Image.Image:
    """Captioned pictures uint8 [H,W,3], those of a row of one height."""
    widths = [sum(pixels.shape[1] + 2 for _, pixels in row) for row in rows]
    heights = [row[0][1].shape[0] + _CAPTION for row in rows]
    canvas = Image.new("RGB", (max(widths), sum(heights)), "white")
    draw, top = ImageDraw.Draw(canvas), 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for caption, pixels in row:
            draw.text((left + 3, top + 3), caption, fill="black", font=ImageFont.load_default(13))
            canvas.paste(Image.fromarray(pixels), (left, top + _CAPTION))
            left += pixels.shape[1] + 2
        top += height
    return canvas


def _shown(hdr_pq: np.ndarray) -> Pixels:
    return for_page(pq.eotf(np.asarray(hdr_pq, dtype=np.float64)))


def main(arguments: Sequence[str] | None = None) -> None:
    from lumaflux.inference.load import load

    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.evaluation.gallery", description=__doc__)
    parser.add_argument("set", type=folder_there, help="the public mini set (lumaflux luma-eval build mini)")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        options.folder.mkdir(parents=True, exist_ok=True)
        converter = load("lite")
        ramp_plot(converter).save(options.folder / "ramp.png")
        edges(converter).save(options.folder / "edges.jpg", quality=_QUALITY)
        scenes(options.set).save(options.folder / "scenes.jpg", quality=_QUALITY)


if __name__ == "__main__":
    main()
