"""Draws docs/pictures/confidence.jpg and prints how well the truth matte finds what clipping took from masters.

    python scripts/draw_confidence.py docs/pictures/confidence.jpg SCENE.exr [SCENE.hdr ...]

Each scene-linear master is cut to its middle, exposed so that 3 % of its pixels lie above SDR white, clipped there,
rounded to 8 bits and converted by the shipped model. Truth: the pixels that were clipped. The first two are drawn.
"""

import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import torch
from PIL import Image

from lumaflux.color import bt1886, bt2390, pq
from lumaflux.inference.converter import RenderHooks
from lumaflux.inference.load import load
from lumaflux.settings import Settings

CLIPPED = 97.0  # percent of pixels below SDR white
COLUMN = (320, 240)
HALF = 0.5  # of a pixel's light: from here on it counts as invented


def sdr_of(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """SDR [3,H,W] of 8 bits, and where it was clipped [H,W]."""
    stored = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)
    if stored is None:
        raise SystemExit(f"{path} cannot be read")
    pixels = stored[..., :3]
    height, width = pixels.shape[:2]
    across = min(width, height * 4 // 3)
    pixels = pixels[height // 8 : height - height // 8, (width - across) // 2 : (width + across) // 2]
    light = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 0))).nan_to_num().clamp(min=0)
    largest = light.amax(0)
    white = torch.quantile(largest.flatten()[::7], CLIPPED / 100)
    codes = bt1886.inverse_eotf((light / white).clamp(0, 1), white_nits=1.0)
    return (codes * 255).round() / 255, largest >= white


def page(hdr_pq: torch.Tensor) -> torch.Tensor:
    return bt2390.sdr_from_hdr(pq.eotf(hdr_pq[None]), master_peak=1000.0, target_peak=203.0)[0]


def picture(signal: torch.Tensor) -> Image.Image:
    codes = (signal.clamp(0, 1) * 255).round().byte().numpy()
    return Image.fromarray(np.ascontiguousarray(np.moveaxis(codes, 0, -1))).resize(COLUMN, Image.Resampling.BOX)


def main(target: str, *scenes: str) -> None:
    converter, rows, totals = load("lite"), [], np.zeros(3)
    print("| master | clipped | recall | precision | measured | extended | invented |\n|---|---|---|---|---|---|---|")
    for scene in map(Path, scenes):
        sdr, clipped = sdr_of(scene)
        mattes: list[torch.Tensor] = []
        result, _ = converter.render_timed(sdr, Settings(), RenderHooks(on_matte=mattes.append))
        matte = mattes[0][0]
        found = matte[2] >= HALF
        both = float((found & clipped).sum())
        totals += (both, float(clipped.sum()), float(found.sum()))
        shares = " | ".join(f"{share:.1%}" for share in matte.mean(dim=(1, 2)))
        recall, precision = both / max(1, int(clipped.sum())), both / max(1, int(found.sum()))
        print(
            f"| {scene.stem} | {clipped.float().mean():.1%} | {recall:.1%} | {precision:.1%} | {shares} |", flush=True
        )
        rows.append([picture(sdr), picture(page(result)), picture(matte)])
    print(f"| all | | {totals[0] / totals[1]:.1%} | {totals[0] / max(1, totals[2]):.1%} | | | |")
    sheet = Image.new("RGB", (3 * COLUMN[0], 2 * COLUMN[1]))
    for y, row in enumerate(rows[:2]):
        for x, one in enumerate(row):
            sheet.paste(one, (x * COLUMN[0], y * COLUMN[1]))
    sheet.save(target, quality=88)


if __name__ == "__main__":
    main(*sys.argv[1:])
