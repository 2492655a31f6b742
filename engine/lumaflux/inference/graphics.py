"""Graphics in a frame: letters, pages with letters on them, and title cards.

Their white is paper white, 203 cd/m2, and no light (ITU-R BT.2408-7 Table 1), while a tone curve that serves highlights
puts it at the double.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.color.clipping import clipped_area
from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.inference.detail import reduce_rows, reduce_to
from lumaflux.inference.sheets import PAPER, Sheet, sheets_of
from lumaflux.inference.text_lines import (
    CONTRAST,
    Codes,
    Line,
    Sampling,
    dark_lines,
    grown,
    joined,
    light_lines,
    stretches,
    valley,
)
from lumaflux.inference.title_cards import is_title_card

FAINTEST, _CERTAIN = 200.0, 216.0  # codes of strokes or paper: darker ones stay where any curve puts them
_ABOVE, _BESIDE = 0.6, 1.3  # of the letters' height: where a line's dots and marks are
_LEVEL = 18  # codes that a stroke's inside may be off its line's level
_DARK = 0.4  # of the level: codes from which graphics count


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """Pixels of a frame that are graphics: their places ``index`` [N] in the frame's rows, and ``share`` [N] in (0,1],
    how much of each belongs to them."""

    index: Tensor
    share: Tensor

    def map(self, height: int, width: int) -> Tensor:
        """The share of every pixel: [1,H,W]."""
        whole = self.share.new_zeros(height * width)
        whole[self.index] = self.share
        return whole.view(1, height, width)

    def rows(self, top: int, bottom: int, width: int) -> "Graphics":
        """Those in the rows from ``top`` to ``bottom`` of a frame of ``width``, as graphics of these rows alone."""
        ends = self.index.new_tensor([top * width, bottom * width])
        first, last = torch.searchsorted(self.index, ends).tolist()  # the places are in order
        return Graphics(index=self.index[first:last] - top * width, share=self.share[first:last])


def find_graphics(sdr: Tensor) -> Graphics | None:
    """The graphics of an SDR frame [3,H,W] in [0,1]; None if it shows none. By the frame alone."""
    height, width = sdr.shape[-2:]
    sampling = Sampling.of(height)
    samples = sdr[:, :: sampling.down, :: sampling.across]
    luma = luma_codes(samples)
    letters, pages = _lines_in(luma, lambda: codes_of(samples.amin(dim=0)), sampling, height)
    if not (letters or pages):
        return None
    shares = np.zeros((height, width), np.float32)
    for line in letters:
        _letters_into(shares, sdr, line, sampling)
    if letters and is_title_card(codes_of(samples.amax(dim=0)), letters):
        level, certainty = max(line.level for line in letters), max(line.certainty for line in letters)
        _add(shares, np.ones_like(shares), codes_of(sdr.amax(dim=0)), level, certainty)
    if pages:
        for sheet in sheets_of(luma, pages, sampling):
            _sheet_into(shares, sdr, sheet)
    index = np.flatnonzero(shares)
    if not len(index):
        return None
    found = torch.from_numpy(index), torch.from_numpy(shares.ravel()[index])
    return Graphics(index=found[0].to(sdr.device), share=found[1].to(sdr.device))


def may_show_graphics(luma: Codes, darkest: Codes, height: int) -> bool:
    """Whether ``find_graphics`` has to look closer at a frame of ``height`` rows, by the luma and the darkest channel
    [h,w] of the samples that ``Sampling`` takes."""
    letters, pages = _lines_in(luma, lambda: darkest, Sampling.of(height), height)
    return bool(letters or pages)


def _lines_in(
    luma: Codes, darkest: Callable[[], Codes], sampling: Sampling, height: int
) -> tuple[list[Line], list[Line]]:
    """The lines of light letters and of dark ones among samples."""
    if luma.max() < FAINTEST:
        return [], []
    return light_lines(luma, darkest(), sampling, height), dark_lines(luma, sampling, height)


def unclipped(clipped: Tensor, graphics: Sequence[Graphics | None]) -> Tensor:
    """What of a map [B,1,H,W] of clipped or invented pixels is no graphics."""
    if not any(graphics):
        return clipped
    maps = [
        one.new_zeros(one.shape) if found is None else found.map(*one.shape[-2:])
        for one, found in zip(clipped, graphics, strict=True)
    ]
    return clipped * (1 - torch.stack(maps))


def reduced_clipping(sdr: Tensor, graphics: Sequence[Graphics | None], pixels: int) -> Tensor:
    """SDR [B,3,H,W] -> how much of each reduced pixel is clipped and no graphics, [B,1,h,w] in [0,1]."""
    height, width = sdr.shape[-2:]
    if sdr.device.type != "cpu":  # which averages rows and columns at once
        return reduce_to(unclipped(clipped_area(sdr), graphics), pixels)

    def of_rows(top: int, bottom: int) -> Tensor:
        own = [found and found.rows(top, bottom, width) for found in graphics]
        return unclipped(clipped_area(sdr[..., top:bottom, :]), own or [None] * len(sdr))

    return reduce_rows(of_rows, height, width, pixels)


def at_graphics_white(lit_pq: Tensor, sdr: Tensor, graphics: Sequence[Graphics | None]) -> Tensor:
    """A lit picture [B,3,H,W], PQ/BT.2020, of SDR codes [B,3,H,W] whose graphics are no lighter than static placement
    at 203 cd/m2 puts them. Changed in place."""
    for lit, codes, found in zip(lit_pq, sdr, graphics, strict=True):
        if found is not None:
            flat = lit.view(3, -1)
            own = flat[:, found.index]
            placed = sdr_to_pq(codes.reshape(3, -1)[:, found.index].unsqueeze(-1))[..., 0].to(own)
            flat[:, found.index] = own + found.share * (torch.minimum(own, placed) - own)
    return lit_pq


def codes_of(sdr: Tensor) -> Codes:
    """Signals in [0,1] of any shape -> codes of 8 bits."""
    return (sdr * 255 + 0.5).to(torch.uint8).cpu().numpy()


def luma_codes(sdr: Tensor) -> Codes:
    """SDR [3,h,w] in [0,1] -> its luma as codes of 8 bits [h,w]."""
    red, green, blue = BT709_LUMA
    luma = (255 * red) * sdr[0]
    luma.add_(sdr[1], alpha=255 * green).add_(sdr[2], alpha=255 * blue)
    return luma.add_(0.5).to(torch.uint8).cpu().numpy()


def _letters_into(shares: NDArray[np.float32], sdr: Tensor, line: Line, sampling: Sampling) -> None:
    """The letters of a line: strokes as light as its level, and the pixels next to them."""
    above, beside = round(_ABOVE * line.height), round(_BESIDE * line.height)
    rows = _span(line.top * sampling.down, line.bottom * sampling.down, above, sdr.shape[-2])
    columns = _span(line.left * sampling.across, line.right * sampling.across, beside, sdr.shape[-1])
    codes = luma_codes(sdr[:, rows, columns])
    reach = max(6, round(line.height))
    ground = np.minimum(valley(codes, reach), valley(np.ascontiguousarray(codes.T), reach).T)
    light = codes >= line.level - _LEVEL
    stroke = light & (codes - ground >= CONTRAST)
    going_on = rows.start > 0, rows.stop < sdr.shape[-2], columns.start > 0, columns.stop < sdr.shape[-1]
    inside = grown(_whole(stroke, light, going_on), sampling.across)
    _add(shares[rows, columns], inside, codes, line.level, line.certainty)


def _sheet_into(shares: NDArray[np.float32], sdr: Tensor, sheet: Sheet) -> None:
    """A sheet: pixels of its paper's level, and what is near them."""
    codes = luma_codes(sdr[:, sheet.rows, sheet.columns])
    near = np.abs(codes.astype(np.int16) - round(sheet.level)) <= 2 * PAPER
    reach = 2 * Sampling.of(sdr.shape[-2]).across
    _add(shares[sheet.rows, sheet.columns], grown(near, reach), codes, sheet.level, sheet.certainty)


def _add(shares: NDArray[np.float32], inside: NDArray, codes: Codes, level: float, certainty: float) -> None:
    """Raises shares where pixels are inside: the nearer to the level, the more, so that edges keep their shape."""
    certainty *= float(np.clip((level - FAINTEST) / (_CERTAIN - FAINTEST), 0, 1))
    ramp = np.arange(256, dtype=np.float32)
    ramp = certainty * ((ramp - _DARK * level) / ((1 - _DARK) * level - 2)).clip(0, 1)
    np.maximum(shares, ramp.astype(np.float32)[codes] * inside, out=shares)


def _whole(stroke: NDArray[np.bool_], light: NDArray[np.bool_], going_on: Sequence[bool]) -> NDArray[np.bool_]:
    """Strokes of a window, but for those of ``light`` areas with a stroke that leaves it, at its top, bottom, left or
    right, where the frame is ``going_on``: half of a disc beside a line is no letter."""
    row, start, stop = stretches(light)
    part = np.full(light.shape, -1)
    part[light] = np.repeat(joined(row, start, stop, light.shape[1]), stop - start)
    ends = np.zeros_like(light)
    ends[0], ends[-1] = going_on[:2]
    ends[:, 0] |= going_on[2]
    ends[:, -1] |= going_on[3]
    return stroke & ~np.isin(part, part[ends & stroke])


def _span(start: int, stop: int, around: int, length: int) -> slice:
    return slice(max(0, start - around), min(length, stop + around))


class Held(NamedTuple):
    """Pixels whose light is held at a bound, as native/cpu/pq_codes.h takes them.

    ``places`` int64 [N], ascending, in the order of rows; ``shares`` [N], how far each pixel belongs to graphics, and
    ``bounds`` [N,3], PQ/BT.2020, which it is no lighter than, both float32; ``clipped``: the share of the picture's
    pixels that are both clipped and graphics.
    """

    places: np.ndarray
    shares: np.ndarray
    bounds: np.ndarray
    clipped: float

    @classmethod
    def nothing(cls) -> "Held":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 3), np.float32), 0.0)


def held_in(sdr: Tensor) -> Held:
    """The graphics of a picture [3,H,W] in [0,1], held as ``lumaflux.inference.graphics.at_graphics_white`` does."""
    graphics = find_graphics(sdr)
    if graphics is None:
        return Held.nothing()
    own = sdr.reshape(3, -1)[:, graphics.index].unsqueeze(-1)
    clipped = float((graphics.share * clipped_area(own)[0, :, 0]).sum()) / sdr[0].numel()
    bounds = sdr_to_pq(own)[..., 0].T.contiguous().float().numpy()
    return Held(graphics.index.numpy(), graphics.share.numpy(), bounds, clipped)
