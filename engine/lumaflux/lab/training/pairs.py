"""Where a stage's pairs come from: a corpus on disk, or views that are rendered while training."""

from collections.abc import Collection
from typing import Protocol

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.relighting import relight
from lumaflux.lab.data.renderings import operators_without, render_pairs
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.shards import ShardPairs
from lumaflux.lab.training.config import TrainConfig, training_views


class Pairs(Protocol):
    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """SDR and PQ/BT.2020, float32 [B,3,S,S] in [0,1], drawn with ``generator`` alone."""
        ...


class RenderedPairs:
    """``random_share`` of the pairs are rendered by none of the eight operators; ``varied`` of the masters are relit;
    ``thin``: pictures are thinned out to the size asked for instead of being cut to it; ``without``: operators that
    render nothing. Raises UserError for an operator that there is not."""

    def __init__(
        self,
        masters: CropSampler,
        random_share: float,
        varied: float = 0.0,
        *,
        thin: bool = False,
        without: Collection[str] = (),
    ):
        self.masters, self.random_share, self.varied, self.thin = masters, random_share, varied, thin
        self.operators = operators_without(without)

    @torch.no_grad()
    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        hdr = (self.masters.thinned if self.thin else self.masters.draw)(count, size, generator)
        if self.varied:
            hdr = relight(hdr, self.varied, generator)
        return render_pairs(hdr, generator, self.random_share, self.operators), hdr


def pairs_for(
    config: TrainConfig, split: Split, random_share: float, without: Collection[str] = (), varied: float = 0.0
) -> Pairs:
    """The corpus where one is named, else views.

    Raises UserError when the split is empty, and when operators are to be left out of a corpus, or its masters relit:
    a corpus is rendered.
    """
    if config.corpus is not None:
        if without or varied:
            raise UserError("'without' and 'varied' are for views; a corpus' specification says both")
        return ShardPairs(config.corpus, split)
    return RenderedPairs(CropSampler(training_views(config, split)), random_share, varied, without=without)
