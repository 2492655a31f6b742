"""The task of prior and adapters: encoded pairs, the light that latents show, the terms of the loss, the figures."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumaflux.color.clipping import share_of_gain
from lumaflux.inference.highlights import domed, stops_between
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.highlight_losses import highlight_terms, placed_luminance
from lumaflux.lab.training.highlight_pairs import BankedPairs, HighlightPairs, resident_pairs
from lumaflux.lab.training.highlight_scores import FLAT_CODE, Generated, score
from lumaflux.lab.training.latent_bank import LatentPairs, extend, load_bank
from lumaflux.lab.training.light_decoder import (
    fit_light_decoder,
    load_light_decoder,
    save_light_decoder,
)
from lumaflux.lab.training.stage_options import HighlightOptions
from lumaflux.lab.training.stage_weights import load_vae
from lumaflux.model.autoencoder import pixels_of
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.frozen_shapes import latent_stride
from lumaflux.model.spline import PEAK_PQ

BANK = "bank"
LIGHT_DECODER = "light-decoder.safetensors"
_TELLING = 0.3  # weight of clipped pixels where a channel tells how bright they were


def bank_folder(config: TrainConfig) -> Path:
    """Where a stage's pairs lie."""
    return Path(config.options["pairs"]) if config.options.get("pairs") else config.run / BANK


class HighlightTask:
    """Reads or makes the banks of ``config.run``; of a ``resident`` configuration that of validation alone."""

    def __init__(self, config: TrainConfig, options: HighlightOptions, device: torch.device):
        assert config.start is not None
        self.device, self.options = device, options
        self.vae: Any = load_vae(config.model, config.start)
        self.vae.to(device)
        self._folder, self._seed = bank_folder(config), config.seed
        unseen = self._folder / "validation"
        extend(unseen, self.vae, training_views(config, "validation"), options.unseen, config.seed + 1)
        self.unseen = load_bank(unseen)
        if config.resident:
            self.pairs: HighlightPairs = resident_pairs(config, self.vae, device)
        else:
            train = self._folder / "train"
            extend(train, self.vae, training_views(config, "train"), options.bank, config.seed)
            self.pairs = BankedPairs(load_bank(train))

    def begin(self, scaled: LumaFluxConfig) -> None:
        """Takes the latent statistics, and fits the light decoder unless the bank has one."""
        self.scale, self.shift = scaled.latent_scale, scaled.latent_shift
        path, shape = self._folder / LIGHT_DECODER, (scaled.latent_channels, latent_stride(scaled.vae))
        if not path.exists():
            pairs = [part.on(self.device) for part in self.pairs.some(self.options.light_examples)]
            decoder = fit_light_decoder(
                pairs, self.decoded, self.normalised, shape[1], updates=self.options.light_updates,
                examples=self.options.light_examples, seed=self._seed,
            )  # fmt: skip
            save_light_decoder(decoder, path)
        self.light = load_light_decoder(path, *shape).to(self.device)

    def draw(self, step: int, count: int, generator: torch.Generator) -> LatentPairs:
        """Pairs of one shape on the stage's device, for update ``step``."""
        return self.pairs.draw(step, count, generator)

    def normalised(self, raw: Tensor) -> Tensor:
        return (raw - self.shift) * self.scale

    def decoded(self, raw: Tensor) -> Tensor:
        """Raw latents -> PQ/BT.2020 pictures, as far as masters go."""
        return (0.5 * pixels_of(self.vae, raw) + 0.5).clamp(0, PEAK_PQ)

    def found(self, begun_raw: Tensor, clean: Tensor, *, through_vae: bool) -> Tensor:
        """Stops [B,1,H,W] from the start, raw, to what normalised latents ``clean`` show, on the stage's device."""
        if through_vae:
            with torch.no_grad():
                begun = self.decoded(begun_raw)
            return stops_between(self.decoded(clean / self.scale + self.shift), begun)
        with torch.no_grad():
            begun = self.light(self.normalised(begun_raw))
        return self.light(clean) - begun

    def terms(self, pairs: LatentPairs, found: Tensor) -> dict[str, Tensor]:
        """The loss's terms of ``pairs``, on the light that the product makes of ``found``."""
        base = placed_luminance(pairs.sdr, pairs.white).log2()
        flat = (pairs.sdr.amin(dim=1, keepdim=True) >= FLAT_CODE).float()
        clipped, stops = pairs.clipped, pairs.stops
        inside = (clipped > 0.5).to(found.dtype)
        lit = torch.where(inside > 0, domed(found, inside), found)
        weights = clipped * (clipped > 0.25) * (_TELLING + (1 - _TELLING) * flat)
        return highlight_terms(base + lit, base + stops * share_of_gain(clipped), weights)

    def add_terms(self, losses: dict[str, Tensor], terms: dict[str, Tensor]) -> None:
        for name, term in terms.items():
            losses["total"] = losses["total"] + getattr(self.options, name) * term
            losses[name] = term.detach()

    def score(self, generated: Generated) -> dict[str, float]:
        """Figures on unseen scenes, lumaflux.lab.training.highlight_scores."""
        return score(self.unseen, generated)
