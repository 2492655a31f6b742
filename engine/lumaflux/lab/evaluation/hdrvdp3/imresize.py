"""MATLAB's bicubic imresize: Keys' kernel (a = -1/2), widened when shrinking, mirrored borders."""

from collections.abc import Sequence

import torch
from torch import Tensor


def imresize(plane: Tensor, shape: Sequence[int]) -> Tensor:
    """[H,W] resampled to ``shape``; the same tensor where nothing changes."""
    if tuple(plane.shape) == tuple(shape):
        return plane
    rows, columns = (resampling_matrix(n, m, plane) for n, m in zip(plane.shape, shape, strict=True))
    narrowed = torch.sparse.mm(rows, plane)
    return torch.sparse.mm(columns, narrowed.T.contiguous()).T.contiguous()


def resampling_matrix(source: int, target: int, like: Tensor) -> Tensor:
    """Sparse weights [target,source] of one axis, summing to one in each row."""
    scale = target / source
    stretch = min(scale, 1.0)
    centres = (torch.arange(target, dtype=torch.float64)[:, None] + 0.5) / scale - 0.5
    taps = torch.floor(centres - 2 / stretch) + torch.arange(int(4 / stretch) + 3, dtype=torch.float64)
    weights = _keys((centres - taps) * stretch)
    weights /= weights.sum(dim=1, keepdim=True)
    mirrored = taps.long() % (2 * source)
    mirrored = torch.minimum(mirrored, 2 * source - 1 - mirrored)
    places = torch.stack((torch.arange(target)[:, None].expand_as(mirrored), mirrored)).flatten(1)
    weights = weights.flatten().to(like)
    return torch.sparse_coo_tensor(places.to(like.device), weights, (target, source), check_invariants=True).coalesce()


def _keys(x: Tensor) -> Tensor:
    x = x.abs()
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0.0))
