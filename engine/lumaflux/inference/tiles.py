"""Overlapping tiles of large frames for the direct path, and their blending by weights that sum to one."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.frozen_shapes import finest_channels

WORKING_BYTES = 16 << 30  # what the autoencoder may take for one tile
_BYTES_PER_CHANNEL = 100  # of the autoencoder's outermost level and of a pixel: about 25 of its buffers in float32
_NARROW = 64  # channels of that level, below which tiles, which wait for each other, hold more than the frame does
_SMALLEST, _LARGEST = 512, 2048  # pixels a side, of a tile that ``auto`` chooses
_LEAST_SIZE = 128  # pixels: a smaller tile would be all margin
_OVERLAP_PIXELS = 192
_TILE_WORDS = ("auto", "none")


@dataclass(frozen=True)
class Span:
    """A tile's ``start`` and ``stop`` along one side."""

    start: int
    stop: int


@dataclass(frozen=True)
class Tile:
    """A rectangle of a grid of tokens."""

    rows: Span
    columns: Span

    @property
    def grid(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def of(self, picture: Tensor, scale: int) -> Tensor:
        """The tile's view of [..., H, W] that has ``scale`` samples a token in each direction."""
        rows, columns = self.rows, self.columns
        return picture[..., scale * rows.start : scale * rows.stop, scale * columns.start : scale * columns.stop]


def spans(length: int, size: int, overlap: int) -> list[Span]:
    """Equal spans of at most ``size`` that cover ``length`` and share at least ``overlap`` with their neighbours."""
    if not 0 <= overlap < size or length < 1:
        raise ValueError(f"no spans of {size} that overlap by {overlap} cover {length}")
    if length <= size:
        return [Span(0, length)]
    count = math.ceil((length - overlap) / (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    return [Span(start, start + size) for start in starts]


def ramps(along: list[Span], scale: int = 1) -> list[Tensor]:
    """Weights [scale * length] of each span's samples, float64: raised cosines over what neighbours share, sum 1.

    The outer quarter of a shared stretch has no weight: what a network says there depends on the tile's end. Where
    three spans share a stretch, one rise ends before the next begins.
    """
    weights = [torch.ones(scale * (span.stop - span.start), dtype=torch.float64) for span in along]
    step = scale * min((b.start - a.start for a, b in pairwise(along)), default=0)
    for i in range(len(along) - 1):
        shared = scale * (along[i].stop - along[i + 1].start)
        if shared:
            from_middle = torch.arange(shared, dtype=torch.float64) + 0.5 - shared / 2
            rise = 0.5 - 0.5 * torch.cos(math.pi * (from_middle / min(shared / 2, step) + 0.5).clamp(0, 1))
            weights[i][-shared:] *= 1 - rise
            weights[i + 1][:shared] *= rise
    return weights


def _owned(along: list[Span]) -> list[tuple[float, float]]:
    middles = [along[0].start] + [(a.stop + b.start) // 2 for a, b in pairwise(along)] + [along[-1].stop]
    owned = []
    for span, (first, last) in zip(along, pairwise(middles), strict=True):
        length = span.stop - span.start
        owned.append(((first - span.start) / length, (last - span.start) / length))
    return owned


@dataclass(frozen=True)
class Tiling:
    """How a grid of tokens (rows, columns) is cut into tiles of ``size`` that share ``overlap``, all in tokens."""

    grid: tuple[int, int]
    size: int
    overlap: int

    def __iter__(self) -> Iterator[Tile]:
        for rows in spans(self.grid[0], self.size, self.overlap):
            for columns in spans(self.grid[1], self.size, self.overlap):
                yield Tile(rows, columns)

    def owned(self) -> Iterator[tuple[Tile, tuple[tuple[float, float], tuple[float, float]]]]:
        """Every tile with the rows and columns that are nearest to it, as fractions of its sides: a partition."""
        down, across = (spans(length, self.size, self.overlap) for length in self.grid)
        for rows, own_rows in zip(down, _owned(down), strict=True):
            for columns, own_columns in zip(across, _owned(across), strict=True):
                yield Tile(rows, columns), (own_rows, own_columns)

    def blended(self, scale: int, make: Callable[[Tile], Tensor]) -> Tensor:
        """Tiles [..., scale * rows, scale * columns] that ``make`` gives, as one picture of the whole grid.

        They are made and added row by row, so that the sums have the same bits whoever asks.
        """
        down, across = (spans(length, self.size, self.overlap) for length in self.grid)
        of_rows, of_columns = ramps(down, scale), ramps(across, scale)
        whole: Tensor | None = None
        for rows, down_weight in zip(down, of_rows, strict=True):
            for columns, across_weight in zip(across, of_columns, strict=True):
                tile = make(Tile(rows, columns))
                if whole is None:
                    whole = tile.new_zeros(*tile.shape[:-2], scale * self.grid[0], scale * self.grid[1])
                weight = down_weight[:, None] * across_weight
                Tile(rows, columns).of(whole, scale).add_(tile * weight.to(tile))
        assert whole is not None
        return whole


def tile_side(tile: str | int, config: LumaFluxConfig) -> int | None:
    """What a user asks for, ``auto``, ``none`` or pixels a side, -> pixels, a multiple of the token stride, or None.

    ``auto`` takes the largest tile whose estimated working memory in the autoencoder is below ``WORKING_BYTES``, and
    none for a narrow autoencoder, which tiles do not help.
    Raises UserError for another word or a tile that is too small.
    """
    stride = config.token_stride
    if tile == "none":
        return None
    if tile == "auto":
        channels = finest_channels(config.vae)
        if channels < _NARROW:
            return None
        pixels = WORKING_BYTES / (_BYTES_PER_CHANNEL * channels)
        return min(max(int(math.sqrt(pixels)), _SMALLEST), _LARGEST) // stride * stride
    try:
        side = int(tile)
    except ValueError:
        raise UserError(f"the tile is '{tile}'; write {', '.join(_TILE_WORDS)} or pixels a side") from None
    if side < _LEAST_SIZE:
        raise UserError(f"the tile is {side} pixels a side; it must be at least {_LEAST_SIZE}")
    return side // stride * stride


def tiling_of(height: int, width: int, side: int, stride: int) -> Tiling | None:
    """Tiles of ``side`` pixels of a frame; None where it has no more pixels than one tile."""
    if height * width <= side * side:
        return None
    size = side // stride
    return Tiling((-(-height // stride), -(-width // stride)), size, min(_OVERLAP_PIXELS // stride, size // 4))
