"""What lies over pictures and is no picture: bars, subtitles, logos, windows, pages, credits. Their HDR is known: black
stays 0 and graphics white is 203 cd/m2 (BT.2408-7 Table 1), whatever is beside them. [1,3,H,W] signals, in place of
pixels of a pair."""

from collections.abc import Callable

import torch
from torch import Tensor

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.lab.data.draws import happens, uniform

Draw = Callable[[float, float], float]


def _fill(sdr: Tensor, hdr: Tensor, mask: Tensor, colour: Tensor) -> tuple[Tensor, Tensor]:
    over = colour.view(1, 3, 1, 1).expand(1, 3, 1, 1)
    return torch.where(mask, over, sdr), torch.where(mask, sdr_to_pq(over), hdr)


def _box(sdr: Tensor, top: float, bottom: float, left: float, right: float) -> Tensor:
    height, width = sdr.shape[-2:]
    mask = torch.zeros(1, 1, height, width, dtype=torch.bool)
    mask[..., round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = True
    return mask


def _lines(mask: Tensor, density: float, generator: torch.Generator) -> Tensor:
    """Text of small sizes: every other row, letters here and there."""
    rows = (torch.arange(mask.shape[-2]) % 3 < 2).view(1, 1, -1, 1)
    return mask & rows & (torch.rand(mask.shape, generator=generator) < density)


def overlaid(sdr: Tensor, hdr: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A pair [1,3,H,W] with one kind of overlay, drawn at random: SDR signal and PQ/BT.2020."""

    def draw(low: float, high: float) -> float:
        return float(uniform((), low, high, generator))

    kind, black = draw(0, 1), torch.full((3,), 16 / 255 if happens(0.3, generator) else 0.0)
    white = torch.full((3,), draw(0.9, 1.0))
    if kind < 0.3:  # letterbox, pillarbox, windowbox
        across, down = (draw(0.04, 0.2) if happens(0.65, generator) else 0.0 for _ in range(2))
        down = max(down, 0.08) if across == 0 else down
        mask = ~_box(sdr, down, 1 - down, across, 1 - across)
        return _fill(sdr, hdr, mask, black)
    if kind < 0.55:  # subtitles
        at, wide, lines = draw(0.72, 0.88), draw(0.2, 0.45), draw(0.04, 0.11)
        mask = _lines(_box(sdr, at, at + lines, 0.5 - wide, 0.5 + wide), draw(0.3, 0.6), generator)
        colour = white if happens(0.75, generator) else torch.tensor([white[0], white[0], draw(0, 0.4)])
        return _fill(sdr, hdr, mask, colour)
    if kind < 0.65:  # logo
        at = draw(0.02, 0.1)
        return _fill(sdr, hdr, _box(sdr, at, at + draw(0.05, 0.12), 0.82, 0.95), white)
    if kind < 0.85:  # window or page, with text, beside the picture or over most of it
        left, top = draw(0, 0.4), draw(0, 0.3)
        mask = _box(sdr, top, draw(0.6, 1.0), left, draw(0.6, 1.0))
        dark = happens(0.25, generator)
        paper, ink = (torch.full((3,), draw(0.05, 0.2)), white) if dark else (white, torch.full((3,), draw(0, 0.3)))
        sdr, hdr = _fill(sdr, hdr, mask, paper)
        return _fill(sdr, hdr, _lines(mask, draw(0.05, 0.35), generator), ink)
    whole = torch.ones_like(sdr[:, :1], dtype=torch.bool)
    ground, text = (black, white) if happens(0.5, generator) else (white, black)
    if kind < 0.93:  # credits or a page alone
        sdr, hdr = _fill(sdr, hdr, whole, ground)
        return _fill(sdr, hdr, _lines(whole, draw(0.03, 0.4), generator), text)
    flat = torch.rand(3, generator=generator)  # a flat field, with or without a band of another
    sdr, hdr = _fill(sdr, hdr, whole, flat if happens(0.5, generator) else flat.mean().expand(3).clone())
    return _fill(sdr, hdr, _box(sdr, 0, 1, 0, draw(0, 0.7)), torch.full((3,), draw(0, 1)))
