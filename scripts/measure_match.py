"""What ``--match`` is worth on gain-map photographs: PQ-PSNR and Delta-E-ITP to their authors' own HDR.

``python scripts/measure_match.py PHOTOGRAPH ... [--sheet FILE]``: each by the shipped tone, led to its own HDR, and
led to the HDR of the photograph after it, which shows something else. ``--sheet`` draws them.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.inference.load import load
from lumaflux.lab.data.look_pairs import read_pairs
from lumaflux.lab.evaluation.comparison import for_page, picture_bytes
from lumaflux.lab.evaluation.gallery import sheet
from lumaflux.model.tone_predictor import place
from lumaflux.render.analysis import track_of
from lumaflux.render.match import led_track
from lumaflux.settings import Settings


def placed_by(track, sdr):
    with torch.inference_mode():
        return place(torch.from_numpy(sdr)[None], track.tone_at(0).placement)


def scores(placed, hdr_pq):
    wanted = torch.from_numpy(hdr_pq)[None]
    psnr = -10 * float((placed - wanted).square().mean().log10())
    return psnr, float(delta_e_itp(pq.eotf(placed), pq.eotf(wanted)).mean())


def panel(hdr_pq):
    """A third as bright, so that what lies above the page's white shows."""
    return enlarged(for_page(pq.eotf(np.asarray(hdr_pq, np.float64)) / 3))


def enlarged(pixels):
    side = 2 * np.array(pixels.shape[1::-1])
    return np.asarray(Image.fromarray(pixels).resize(tuple(side), Image.Resampling.BICUBIC))


def main(paths, target):
    converter, settings, rows, drawn = load("lite"), Settings(), [], []
    for number, path in enumerate(paths):
        pair = read_pairs(path.stem, path, path)[0]
        sdr, hdr = pair.sdr[0], pair.hdr[0]
        track = track_of([sdr], converter, settings, path, "")
        own, hero = (led_track(track, [sdr], other).track for other in (path, paths[(number + 1) % len(paths)]))
        made = [placed_by(each, sdr) for each in (track, own, hero)]
        found = [scores(placed, hdr) for placed in made]
        rows.append([value for pair in found for value in pair])
        names = ("shipped tone", "led to its own HDR", "led to the next one's")
        row = [("SDR", enlarged(picture_bytes(sdr)))]
        for name, placed, (_, error) in zip(names, made, found, strict=True):
            row.append((f"{name}: {error:.1f}", panel(placed[0].numpy())))
        drawn.append([*row, ("its author's HDR", panel(hdr))])
        print(f"{path.stem[:40]:40}", " ".join(f"{value:7.2f}" for value in rows[-1]), flush=True)
    print(f"{'mean':40}", " ".join(f"{value:7.2f}" for value in np.mean(rows, axis=0)))
    if target is not None:
        sheet(drawn).save(target, quality=86)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path, nargs="+")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    main(options.photographs, options.sheet)
