"""First-block caching: what all blocks but the first add to the image tokens, taken again from an earlier step.

The first block is evaluated at every step. Where what it adds has changed little since the step at which all blocks
were evaluated last, so has, one takes it, what the others add (as TeaCache decides by the input: Liu et al. 2024).
"""

from collections.abc import Callable, Hashable

import torch
from torch import Tensor


class FirstBlockCache:
    """Of one picture's, or one batch's, sampling; each frame of a batch decides as it would alone.

    ``bound``: the largest change of what the first block adds, as a share of its norm, at which the others are left
    out; 0 never leaves them out.
    """

    def __init__(self, bound: float):
        self.bound = bound
        self._first: Tensor | None = None  # [B,n,d]: what the first block added when all were evaluated
        self._others: Tensor | None = None  # [B,n,d]: what the others added then
        self._parts: dict[Hashable, FirstBlockCache] = {}

    def of(self, part: Hashable) -> "FirstBlockCache":
        """That of one part of the picture, such as a tile."""
        return self._parts.setdefault(part, FirstBlockCache(self.bound))

    def through(self, entered: Tensor, first: Tensor, others: Callable[[], Tensor]) -> Tensor:
        """The last block's image tokens [B,n,d]. ``entered`` and ``first``: the tokens before and after the first
        block; ``others`` evaluates the rest."""
        if self.bound <= 0:
            return others()
        added = first - entered
        if self._first is None or self._others is None:
            made = others()
            self._first, self._others = added, made - first
            return made
        near = _alike(self._first, added, self.bound)
        if near.all():
            return first + self._others
        made = others()
        kept = near.view(-1, 1, 1)
        made = torch.where(kept, first + self._others, made)
        self._first, self._others = torch.where(kept, self._first, added), torch.where(kept, self._others, made - first)
        return made


def _alike(before: Tensor, after: Tensor, share: float) -> Tensor:
    """Of each frame [B], whether two tensors [B,n,d] differ by at most ``share`` of the first one's norm."""
    difference = torch.linalg.vector_norm((after - before).float(), dim=(1, 2))
    return difference <= share * torch.linalg.vector_norm(before.float(), dim=(1, 2))
