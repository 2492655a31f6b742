"""Where prior and adapters take pairs for highlights from: a bank that was encoded once, or masters on a device."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lumaflux.lab.data.draws import host_of, how_many, integer, number, on_device, rand
from lumaflux.lab.data.graphics import OverlaidGraphics
from lumaflux.lab.data.highlight_pool import KINDS
from lumaflux.lab.data.highlights import expose, pairs_to_pq, reduced
from lumaflux.lab.data.panoramas import is_panorama_pool, load_panoramas
from lumaflux.lab.data.resident import Masters, ResidentPanoramas, ResidentViews
from lumaflux.lab.data.views import MANIFEST
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.latent_bank import SHAPES, LatentPairs
from lumaflux.lab.training.run import micro_batch_generator
from lumaflux.model.autoencoder import latents_of

_SIZE = 192  # pixels of a side at which pictures are exposed and carried, before they are reduced
_NEAREST = 0.5  # of that side: the closest crop
_GRAPHICS = 128  # drawn beforehand, for each shape


class HighlightPairs(Protocol):
    def draw(self, step: int, count: int, generator: torch.Generator) -> LatentPairs:
        """``count`` pairs of one shape for update ``step``, on the generator's device."""
        ...

    def some(self, count: int) -> list[LatentPairs]:
        """At least ``count`` pairs of every shape, to measure and fit on; the same every time."""
        ...


class BankedPairs:
    """Drawn from banks, a shape at a time."""

    def __init__(self, banks: Sequence[LatentPairs]):
        self.banks = list(banks)

    def draw(self, step: int, count: int, generator: torch.Generator) -> LatentPairs:
        bank = self.banks[step % len(self.banks)]
        index = (rand((count,), host_of(generator)) * len(bank)).long()
        return bank.taken(index).on(generator.device)

    def some(self, count: int) -> list[LatentPairs]:
        return self.banks


class ResidentPairs:
    """Made anew for every update, of masters on ``device``: no pair is seen twice."""

    def __init__(self, masters: Sequence[Masters], shares: Sequence[float], vae: Any, seed: int, device: torch.device):
        self.masters, self.shares, self.vae, self.seed, self.device = masters, shares, vae, seed, device
        drawn = micro_batch_generator(seed, -2)
        self._graphics = [OverlaidGraphics.draw(_GRAPHICS, _crop_of(shape, 1.0), drawn, device) for shape in SHAPES]

    @torch.no_grad()
    def draw(self, step: int, count: int, generator: torch.Generator) -> LatentPairs:
        which = step % len(SHAPES)
        master = self._cropped(count, _crop_of(SHAPES[which], number(_NEAREST, 1.0, generator)), generator)
        pair = expose(master, generator, self._graphics[which].at((master.shape[-2], master.shape[-1])))
        seen = reduced(pair, pairs_to_pq(pair), SHAPES[which])
        mixed = torch.randperm(count, generator=host_of(generator)).to(self.device)  # kinds lie side by side
        pairs = LatentPairs(
            start=latents_of(self.vae, 2 * seen.base_pq - 1),
            target=latents_of(self.vae, 2 * seen.target_pq - 1),
            sdr=(seen.sdr.clamp(0, 1) * 255).round().to(torch.uint8),
            clipped=seen.clipped,
            stops=seen.stops,
            white=pair.white,
        )
        return pairs.taken(mixed)

    def _cropped(self, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Masters [B,3,*size], of every kind its share; a part of a square picture."""
        counts = how_many(count, self.shares, generator)
        parts = [kind.draw(own, _SIZE, generator) for kind, own in zip(self.masters, counts, strict=True) if own]
        top, left = (integer(_SIZE - side + 1, generator) for side in size)
        return torch.cat(parts)[..., top : top + size[0], left : left + size[1]].contiguous()

    def some(self, count: int) -> list[LatentPairs]:
        generators = [on_device(micro_batch_generator(self.seed, -3, i), self.device) for i in range(len(SHAPES))]
        return [self.draw(which, count, drawn) for which, drawn in enumerate(generators)]


def _crop_of(shape: tuple[int, int], part: float) -> tuple[int, int]:
    """Rows and columns of the ``part`` of a square picture that has ``shape``'s aspect."""
    rows, columns = (int(part * _SIZE * side / max(shape)) for side in shape)
    return rows, columns


def resident_pairs(config: TrainConfig, vae: Any, device: torch.device) -> ResidentPairs:
    """Of the panoramas and of the views in ``config.views``, a pool of lumaflux.lab.data.highlight_pool; a scene of
    either is as likely as any other.

    Raises UserError where there are neither.
    """
    assert config.views is not None
    masters: list[Masters] = []
    scenes: list[float] = []
    if is_panorama_pool(config.views):
        masters.append(ResidentPanoramas(panoramas := load_panoramas(config.views, "train"), device))
        scenes.append(len(panoramas))
    if not masters or (config.views / MANIFEST).exists():
        views = training_views(config, "train", KINDS)
        masters.append(ResidentViews(views, device))
        scenes.append(len(views))
    return ResidentPairs(masters, scenes, vae, config.seed, device)
