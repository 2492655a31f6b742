"""Group normalisation of a picture's tiles by statistics of the whole picture, which the tiles measure together."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which part of a tile counts: rows and columns from ``start`` to ``stop``, as fractions of the tile's sides."""

    rows: tuple[float, float] = (0.0, 1.0)
    columns: tuple[float, float] = (0.0, 1.0)

    def of(self, x: Tensor) -> Tensor:
        (top, bottom), (left, right) = self.rows, self.columns
        height, width = x.shape[-2:]
        rows, columns = (
            slice(round(top * height), round(bottom * height)),
            slice(round(left * width), round(right * width)),
        )
        return x[..., rows, columns]


class PictureNorm(nn.Module):
    """As the GroupNorm that it stands for, by the statistics of all tiles' shares.

    ``share`` tells what part of the caller's tile counts, ``pause`` returns when every tile has been measured. Tensors
    without rows and columns (those of attention) are normalised as they are.
    """

    def __init__(self, norm: nn.GroupNorm, share: Callable[[], Share], pause: Callable[[], None]):
        super().__init__()
        self.norm, self._share, self._pause = norm, share, pause
        self._count = 0
        self._moments: tuple[Tensor, Tensor] | None = None  # sums of x and x^2, [B,groups], float64

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4:
            return self.norm(x)
        self._measure(x)
        self._pause()
        factor, offset = self._line()
        return torch.addcmul(offset.to(x.dtype), x, factor.to(x.dtype))

    def _line(self) -> tuple[Tensor, Tensor]:
        assert self._moments is not None
        mean, square = (total / self._count for total in self._moments)
        deviation = (square - mean * mean).clamp(min=0).add(self.norm.eps).sqrt()
        repeats = self.norm.num_channels // self.norm.num_groups
        factor = (1 / deviation).repeat_interleave(repeats, 1) * self.norm.weight.double()
        offset = self.norm.bias.double() - mean.repeat_interleave(repeats, 1) * factor
        return factor.float()[..., None, None], offset.float()[..., None, None]

    def _measure(self, x: Tensor) -> None:
        grouped = self._share().of(x).unflatten(1, (self.norm.num_groups, -1)).flatten(2).float()
        count = grouped.shape[-1]
        if not count:
            return
        variance, mean = (moment.double() for moment in torch.var_mean(grouped, dim=-1, unbiased=False))
        added = (count * mean, count * (variance + mean * mean))
        earlier = self._moments or (torch.zeros_like(mean), torch.zeros_like(mean))
        self._moments = (earlier[0] + added[0], earlier[1] + added[1])
        self._count += count


def with_picture_norms(module: Part, share: Callable[[], Share], pause: Callable[[], None]) -> Part:
    """A copy of ``module`` for one pass over one picture: it shares its weights and has PictureNorms for GroupNorms."""
    weights = {id(weight): weight for weight in (*module.parameters(), *module.buffers())}
    copied = copy.deepcopy(module, cast(dict[int, object], weights))
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(parent, name, PictureNorm(child, share, pause))
    return copied
