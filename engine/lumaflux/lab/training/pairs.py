"""Where a stage's pairs come from: a corpus on disk, or views that are rendered while training."""

from collections.abc import Collection, Sequence
from typing import Protocol

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.data.batch_renderings import render_batch
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.draws import on_device
from lumaflux.lab.data.mastering import relight
from lumaflux.lab.data.panoramas import is_panorama_pool, load_panoramas
from lumaflux.lab.data.renderings import operators_without, render_pairs
from lumaflux.lab.data.resident import ResidentPanoramas, ResidentViews
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.shards import ShardPairs
from lumaflux.lab.data.sources import Kind
from lumaflux.lab.training.config import TrainConfig, training_views


class Pairs(Protocol):
    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """SDR and PQ/BT.2020, float32 [B,3,S,S] in [0,1], drawn with ``generator`` alone."""
        ...


class RenderedPairs:
    """Rendered one by one on the CPU, or, of ``masters`` that lie on a device, a batch at a time there.

    ``random_share`` of the pairs are rendered by none of the eight operators; ``varied`` of the masters are relit;
    ``thin``: pictures are thinned out to the size asked for instead of being cut to it; ``without``: operators that
    render nothing. Raises UserError for an operator that there is not."""

    def __init__(
        self,
        masters: CropSampler | ResidentViews | ResidentPanoramas,
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
        if not isinstance(self.masters, CropSampler):
            generator = on_device(generator, self.masters.device)
        hdr = (self.masters.thinned if self.thin else self.masters.draw)(count, size, generator)
        if self.varied:
            hdr = relight(hdr, self.varied, generator)
        render = render_pairs if isinstance(self.masters, CropSampler) else render_batch
        return render(hdr, generator, self.random_share, self.operators), hdr


def masters_for(
    config: TrainConfig, split: Split, device: torch.device, kinds: Sequence[Kind] = ("panorama", "still")
) -> CropSampler | ResidentViews | ResidentPanoramas:
    """Who draws a split's masters: one by one from memory, or where the configuration says ``resident`` on ``device``.

    Raises UserError when the pool is missing or the split is empty.
    """
    if config.resident and config.views is not None and is_panorama_pool(config.views) and "panorama" in kinds:
        return ResidentPanoramas(load_panoramas(config.views, split), device)
    scenes = training_views(config, split, kinds)
    return ResidentViews(scenes, device) if config.resident else CropSampler(scenes)


def pairs_for(
    config: TrainConfig,
    split: Split,
    random_share: float,
    without: Collection[str] = (),
    varied: float = 0.0,
    device: torch.device | None = None,
) -> Pairs:
    """The corpus where one is named, else views.

    Raises UserError when the split is empty, and when operators are to be left out of a corpus, or its masters relit:
    a corpus is rendered.
    """
    if config.corpus is not None:
        if without or varied:
            raise UserError("'without' and 'varied' are for views; a corpus' specification says both")
        return ShardPairs(config.corpus, split)
    masters = masters_for(config, split, device or torch.device("cpu"))
    return RenderedPairs(masters, random_share, varied, without=without)
