"""What ``--match`` is worth on gain-map photographs: PQ-PSNR and Delta-E-ITP to their authors' own HDR.

``python scripts/measure_match.py PHOTOGRAPH ...``: each by the shipped tone, led to its own HDR, and led to the HDR of
the photograph after it, which shows something else.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.inference.load import load
from lumaflux.lab.data.look_pairs import read_pairs
from lumaflux.model.tone_predictor import place
from lumaflux.render.analysis import track_of
from lumaflux.render.match import led_track
from lumaflux.settings import Settings


def scores(track, sdr, hdr_pq):
    with torch.inference_mode():
        placed = place(torch.from_numpy(sdr)[None], track.tone_at(0).placement)
    wanted = torch.from_numpy(hdr_pq)[None]
    psnr = -10 * float((placed - wanted).square().mean().log10())
    return psnr, float(delta_e_itp(pq.eotf(placed), pq.eotf(wanted)).mean())


def main(paths):
    converter, settings, rows = load("lite"), Settings(), []
    for number, path in enumerate(paths):
        pair = read_pairs(path.stem, path, path)[0]
        sdr, hdr = pair.sdr[0], pair.hdr[0]
        track = track_of([sdr], converter, settings, path, "")
        own, hero = (led_track(track, [sdr], other).track for other in (path, paths[(number + 1) % len(paths)]))
        rows.append([*scores(track, sdr, hdr), *scores(own, sdr, hdr), *scores(hero, sdr, hdr)])
        print(f"{path.stem[:40]:40}", " ".join(f"{value:7.2f}" for value in rows[-1]), flush=True)
    print(f"{'mean':40}", " ".join(f"{value:7.2f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
