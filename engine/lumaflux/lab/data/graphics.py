"""Graphics over a picture: subtitles, pages, windows and logos, whose white is paper white and not light."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.data.draws import host_of, rand, uniform

_WHITE_CODES = (0.86, 1.0)
_PAGE_SHARE, _WINDOW_SHARE = 0.25, 0.3


def _integer(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, max(low + 1, high), (), generator=generator))


def _lines_of_words(height: int, width: int, generator: torch.Generator) -> Tensor:
    """A block of text as strokes: True [height, width] where ink is."""
    ink = torch.zeros(height, width, dtype=torch.bool)
    size = max(4, _integer(height // 30, height // 12, generator))
    for top in range(size, height - size, 2 * size):
        left = size
        while left < width - size:
            letters = _integer(2, 10, generator)
            word = torch.rand(size, letters * size // 2 + 1, generator=generator) < 0.45
            right = min(left + word.shape[1], width - size)
            ink[top : top + size, left:right] = word[:, : right - left]
            left = right + size // 2 + 1
        if float(torch.rand((), generator=generator)) < 0.2:
            break
    return ink


def overlaid(sdr: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Codes [1,3,H,W] -> the same with graphics, and where these are: True [1,1,H,W]."""
    height, width = sdr.shape[-2:]
    covered = torch.zeros(1, 1, height, width, dtype=torch.bool)
    white = float(uniform((), *_WHITE_CODES, generator))
    drawn, result = float(torch.rand((), generator=generator)), sdr.clone()
    if drawn < _PAGE_SHARE:  # a page or a window of paper with dark text
        whole = drawn < 0.4 * _PAGE_SHARE
        rows, columns = (
            (height, width)
            if whole
            else (_integer(height // 4, height, generator), _integer(width // 4, width, generator))
        )
        top, left = _integer(0, height - rows + 1, generator), _integer(0, width - columns + 1, generator)
        ink = _lines_of_words(rows, columns, generator)
        paper = torch.where(ink, 0.1, white)
        result[..., top : top + rows, left : left + columns] = paper
        covered[..., top : top + rows, left : left + columns] = True
    elif drawn < _PAGE_SHARE + _WINDOW_SHARE:  # flat shapes: a logo, a lower third
        for _ in range(_integer(1, 4, generator)):
            rows, columns = _integer(6, height // 4, generator), _integer(6, width // 2, generator)
            top, left = _integer(0, height - rows, generator), _integer(0, width - columns, generator)
            result[..., top : top + rows, left : left + columns] = white
            covered[..., top : top + rows, left : left + columns] = True
    else:  # a subtitle: one or two lines near the lower edge
        rows, columns = _integer(height // 10, height // 5, generator), _integer(width // 3, width, generator)
        top, left = height - rows - _integer(2, height // 8, generator), (width - columns) // 2
        ink = _lines_of_words(rows, columns, generator)
        result[..., top : top + rows, left : left + columns][..., ink] = white
        covered[..., top : top + rows, left : left + columns] = ink
    return result, covered


@dataclass(frozen=True, kw_only=True)
class OverlaidGraphics:
    """Graphics drawn beforehand, on any device: ``codes`` [N,1,H,W] where ``covered`` [N,1,H,W] says that they are."""

    codes: Tensor
    covered: Tensor

    @classmethod
    def draw(
        cls, count: int, size: tuple[int, int], generator: torch.Generator, device: torch.device
    ) -> "OverlaidGraphics":
        """``count`` of them over frames of ``size`` (rows, columns), by the host's draws."""
        drawn = [overlaid(torch.zeros(1, 1, *size), host_of(generator)) for _ in range(count)]
        codes, covered = (torch.cat(parts).to(device) for parts in zip(*drawn, strict=True))
        return cls(codes=codes, covered=covered)

    def at(self, size: tuple[int, int]) -> "OverlaidGraphics":
        """The same over frames of another ``size``, by their nearest pixels."""
        codes, covered = (F.interpolate(part.float(), size) for part in (self.codes, self.covered))
        return OverlaidGraphics(codes=codes, covered=covered > 0)

    def over(self, sdr: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Codes [B,3,H,W], a ``share`` of them with one of the graphics, and where these are: True [B,1,H,W]."""
        index = (rand((len(sdr),), generator) * len(self.codes)).long().clamp(max=len(self.codes) - 1)
        chosen = rand((len(sdr), 1, 1, 1), generator) < share
        covered = self.covered[index] & chosen
        return torch.where(covered, self.codes[index], sdr), covered
