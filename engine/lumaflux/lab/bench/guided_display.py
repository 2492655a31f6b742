"""How near a display that follows HDR10+ profile B comes to the SDR grade:
``python -m lumaflux.lab.bench.guided_display SDR HDR JSON``.

Each frame of the HDR video is mapped by the formulas of ST 2094-40 with the curve of its scene, brought to BT.709 and
BT.1886, and compared with the frame of the SDR clip that it was made of. Beside it stand what a display without curves
has: clipping at its peak, and the EETF of BT.2390 from the scene's peak to its own.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from lumaflux.arguments import file_there, new_file, whole
from lumaflux.endings import told

Mapped = dict[str, np.ndarray]


def shown(hdr_nits: np.ndarray, light) -> Mapped:
    """What the targeted display shows of BT.2020 light [3,H,W] in cd/m2, as BT.709 codes [3,H,W] in [0,1], by method.

    ``light``: the scene's ``DynamicLight``, of profile B.
    """
    from lumaflux.color import bt1886, bt2390
    from lumaflux.color.gamut import clip_to_bt709

    target = light.mapping.target_nits
    peak = max(light.peak_nits, target)
    eetf: Callable[[np.ndarray], np.ndarray] = lambda signal: bt2390.eetf(signal, peak, target)  # noqa: E731
    nits = {
        "curve": light.mapping.shown_nits(hdr_nits, light.peak_nits),
        "clip": hdr_nits.clip(0, target),
        "bt2390": bt2390.tone_map(hdr_nits.clip(0, peak), eetf, "max-rgb"),
    }
    return {name: bt1886.inverse_eotf(clip_to_bt709(made / target), white_nits=1.0) for name, made in nits.items()}


def guided_display(
    sdr: Path, hdr: Path, metadata: Path, every: int = 1, picture: Path | None = None
) -> dict[str, dict[str, float]]:
    """By method: ``psnr`` in dB over R'G'B' of 8 bits, the largest error and the 99th percentile in codes; of every so
    manieth frame. ``picture``: where the first frame goes, the SDR beside each method.

    Raises UserError for files that are none of one conversion.
    """
    from lumaflux.color import pq
    from lumaflux.errors import UserError
    from lumaflux.media.metadata.hdr10plus import read_json
    from lumaflux.media.video.reader import VideoReader

    lights = [scene.light for scene in read_json(metadata) for _ in range(scene.frames)]
    if not lights or any(light.mapping is None for light in lights):
        raise UserError(f"{metadata} holds no curves; convert with --hdr10plus-profile b")
    squares: dict[str, float] = {}
    histograms: dict[str, np.ndarray] = {}
    done = 0
    with VideoReader(hdr, allow_hdr=True) as one, VideoReader(sdr) as other:
        for number, (made, source) in enumerate(zip_longest(one, other)):
            done = number + 1
            if made is None or source is None or done > len(lights):
                raise UserError(_others(sdr, hdr, metadata))
            if number % every:
                continue
            by_method = shown(pq.eotf(made.sdr.astype(np.float64)), lights[number])
            for name, codes in by_method.items():
                error = np.abs(np.rint(codes * 255) - np.rint(source.sdr * 255))
                squares[name] = squares.get(name, 0.0) + float((error**2).sum())
                counted = np.bincount(error.astype(np.intp).ravel(), minlength=256)
                histograms[name] = histograms.get(name, np.zeros(256)) + counted
            if number == 0 and picture is not None:
                _draw(picture, [source.sdr, *by_method.values()])
    if done != len(lights):
        raise UserError(_others(sdr, hdr, metadata))
    return {name: _summary(squares[name], histograms[name]) for name in squares}


def _others(sdr: Path, hdr: Path, metadata: Path) -> str:
    return f"{sdr}, {hdr} and {metadata} have other numbers of frames; name the files of one conversion of a whole clip"


def _summary(squares: float, counts: np.ndarray) -> dict[str, float]:
    pixels = float(counts.sum())
    within = np.cumsum(counts) / pixels
    return {
        "psnr": math.inf if squares == 0 else 10 * math.log10(255**2 * pixels / squares),
        "largest_error": float(np.flatnonzero(counts).max()),
        "error_99_percent": float(np.searchsorted(within, 0.99)),
    }


def _draw(path: Path, pictures: Sequence[np.ndarray]) -> None:
    from PIL import Image

    row = np.concatenate(pictures, axis=2)
    codes = np.rint(row.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(np.moveaxis(codes, 0, -1)).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.guided_display", description=__doc__)
    parser.add_argument("sdr", type=file_there)
    parser.add_argument("hdr", type=file_there)
    parser.add_argument("metadata", type=file_there)
    parser.add_argument("--every", type=whole(), default=1, help="only every so manieth frame")
    parser.add_argument("--picture", type=new_file, help="the first frame: SDR, curve, clip, BT.2390")
    options = parser.parse_args(arguments)
    found = guided_display(options.sdr, options.hdr, options.metadata, options.every, options.picture)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    with told("lumaflux"):
        main()
