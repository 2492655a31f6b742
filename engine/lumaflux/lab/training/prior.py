"""Stage 3: the Flux transformer as a flow-matching prior on PQ latents, without conditions.

A share of a batch couples pictures with pure noise. The rest couples each with the latents of the same picture whose
highlights are clipped, plus noise (data-dependent couplings, Albergo et al. 2023): the neighbourhood in which the
bridge z_sdr + sigma eps begins, and the task that is left when the tone is known.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from PIL import Image
from torch import Tensor, nn

from lumaflux.color.clipping import share_of_gain
from lumaflux.errors import UserError
from lumaflux.inference.highlights import stops_between
from lumaflux.lab.training.bridge import on_path
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.highlight_losses import (
    STOP,
    LightProbe,
    correlation,
    fit_probe,
    highlight_terms,
    light_of_pairs,
    placed_luminance,
)
from lumaflux.lab.training.latent_bank import LatentPairs, extend, load_bank
from lumaflux.lab.training.stage_weights import LATENT_STATISTICS, VAE_DIRECTORY, load_stage, load_vae, scaled_config
from lumaflux.model.autoencoder import pixels_of
from lumaflux.model.latents import pack, position_ids, unpack
from lumaflux.model.spline import PEAK_PQ

RESULT = "transformer.safetensors"
BANK = "bank"
_FLAT_CODE = 246  # of the smallest channel: beyond it none tells how bright a clipped pixel was
_TELLING = 0.3  # weight of clipped pixels where one does
DEFAULTS = {
    "bank": 1600,
    "unseen": 96,
    "pure_noise": 0.15,
    "at_one": 0.6,
    "clipped": 8.0,
    "level": 1.0,
    "structure": 1.0,
    "correlation": 0.5,
    "peak": 0.25,
    "decoded": 0,
    "weights": None,
}


def latent_statistics(banks: list[LatentPairs]) -> dict[str, float]:
    """scaling_factor and shift_factor that give latents of mean 0 and deviation 1."""
    latents = torch.cat([part.flatten() for bank in banks for part in (bank.start, bank.target)])
    return {"scaling_factor": float(1 / latents.std()), "shift_factor": float(latents.mean())}


class PriorStage:
    """Options: ``bank`` and ``unseen`` pairs are encoded beforehand, into ``run``/bank; ``pure_noise`` is the share of
    a batch that starts from noise alone, ``at_one`` the share of the rest at t = 1; ``clipped`` weighs the velocity
    where the source is clipped; ``level``, ``structure``, ``correlation`` and ``peak`` weigh the terms of
    highlight_losses, taken from the probe, or for ``decoded`` pictures of a batch from the autoencoder; ``weights``
    names a transformer to start from. Measures the latent statistics first, if nobody has."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        if config.start is None:
            raise ValueError("the prior stage needs 'start', the folder of the earlier stages")
        if unknown := sorted(set(config.options) - set(DEFAULTS)):
            raise UserError(f"the prior stage has no options {unknown}; it has {', '.join(DEFAULTS)}")
        self.config, self.options = config, {**DEFAULTS, **config.options}
        self.device = device or torch.device("cpu")
        vae: Any = load_vae(config.model, config.start)
        train, unseen = config.run / BANK / "train", config.run / BANK / "validation"
        extend(train, vae, training_views(config, "train"), int(self.options["bank"]), config.seed)
        extend(unseen, vae, training_views(config, "validation"), int(self.options["unseen"]), config.seed + 1)
        self.bank, self.unseen = load_bank(train), load_bank(unseen)
        statistics = config.start / VAE_DIRECTORY / LATENT_STATISTICS
        if not statistics.exists():
            statistics.write_text(json.dumps(latent_statistics(self.bank)) + "\n")
        scaled = scaled_config(config.model, config.start)
        self.scale, self.shift, self.noise_scale = scaled.latent_scale, scaled.latent_shift, scaled.noise_scale
        self.light = [light_of_pairs(bank) for bank in self.bank]
        self.probe = self._probe()
        torch.manual_seed(config.seed)
        self.transformer: Any = FluxTransformer2DModel(**scaled.transformer)
        if self.options["weights"]:
            load_stage(self.transformer, Path(self.options["weights"]))
        self.transformer.to(self.device)
        self.vae = vae.to(self.device)
        self.context_tokens = scaled.null_tokens + scaled.siglip_tokens
        shape = scaled.transformer
        self.context = torch.zeros(1, self.context_tokens, shape["joint_attention_dim"], device=self.device)
        self.pooled = torch.zeros(1, shape["pooled_projection_dim"], device=self.device)

    def normalised(self, latents: Tensor) -> Tensor:
        return (latents - self.shift) * self.scale

    def _probe(self) -> LightProbe:
        latents, light = [], []
        for bank, both in zip(self.bank, self.light, strict=True):
            for z, y in zip((bank.start, bank.target), both, strict=True):
                latents.append(self.normalised(z))
                light.append(y)
        probe = fit_probe(latents, light)
        return LightProbe(weight=probe.weight.to(self.device), bias=probe.bias.to(self.device))

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.transformer.named_parameters())

    def _velocity(self, z: Tensor, t: Tensor) -> Tensor:
        count, grid = len(z), (z.shape[-2] // 2, z.shape[-1] // 2)
        ids = position_ids(self.context_tokens, grid, z.device)
        tokens = self.transformer(
            hidden_states=pack(z),
            encoder_hidden_states=self.context.expand(count, -1, -1),
            pooled_projections=self.pooled.expand(count, -1),
            timestep=t,
            txt_ids=ids[: self.context_tokens],
            img_ids=ids[self.context_tokens :],
            return_dict=False,
        )[0]
        return unpack(tokens, grid)

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def pictures(self) -> dict[str, Image.Image]:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        options = self.options
        which = step % len(self.bank)
        bank, (_, wanted) = self.bank[which], self.light[which]
        index = torch.randint(len(bank), (count,), generator=generator)
        begun, aim = self.normalised(bank.start[index]), self.normalised(bank.target[index])
        pure = torch.rand(count, 1, 1, 1, generator=generator) < options["pure_noise"]
        one = ~pure.flatten() & (torch.rand(count, generator=generator) < options["at_one"])
        strength = torch.rand(count, 1, 1, 1, generator=generator).square()
        strength = torch.where(one.view(-1, 1, 1, 1), torch.full_like(strength, self.noise_scale), strength)
        noise = torch.randn(begun.shape, generator=generator)
        z1 = torch.where(pure, noise, begun + strength * noise)
        t = torch.where(one, torch.ones(count), torch.rand(count, generator=generator))
        zt, target = on_path(aim, z1, t)
        area = nn.functional.adaptive_avg_pool2d(bank.clipped[index], (wanted.shape[-2], wanted.shape[-1]))
        weight = 1 + options["clipped"] * nn.functional.adaptive_avg_pool2d(area, (begun.shape[-2], begun.shape[-1]))
        zt, t, target, weight, area, one = (x.to(self.device) for x in (zt, t, target, weight, area, one))
        velocity = self._velocity(zt, t)
        flow = (weight * (velocity - target).square()).mean() / weight.mean()
        losses = {"total": flow, "flow": flow.detach()}
        shown = one.nonzero().flatten()[: options["decoded"]]
        if one.any():
            if len(shown):
                terms = self._decoded_terms(bank, index[shown.cpu()], (zt - velocity)[shown])
            else:
                found = self.probe(zt[one] - velocity[one])
                terms = highlight_terms(found / STOP, wanted[index].to(self.device)[one] / STOP, area[one])
            for name, term in terms.items():
                losses["total"] = losses["total"] + options[name] * term
                losses[name] = term.detach()
        return losses

    def _decoded_terms(self, bank: LatentPairs, index: Tensor, clean: Tensor) -> dict[str, Tensor]:
        """The terms on what the autoencoder makes of one-step latents, over what it makes of the start: the product's
        path at the working size."""
        placed = zip(bank.sdr[index], bank.white[index], strict=True)
        base = torch.cat([placed_luminance(sdr, float(white)).log2() for sdr, white in placed]).to(self.device)
        with torch.no_grad():
            begun = self._decoded(bank.start[index].to(self.device))
        flat = (bank.sdr[index].amin(dim=1, keepdim=True) >= _FLAT_CODE).float().to(self.device)
        clipped, stops = bank.clipped[index].to(self.device), bank.stops[index].to(self.device)
        found = stops_between(self._decoded(clean / self.scale + self.shift), begun)
        wanted = stops * share_of_gain(clipped)
        weights = clipped * (clipped > 0.25) * (_TELLING + (1 - _TELLING) * flat)
        return highlight_terms(base + found, base + wanted, weights)

    def _decoded(self, raw: Tensor) -> Tensor:
        return (0.5 * pixels_of(self.vae, raw) + 0.5).clamp(0, PEAK_PQ)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """One step from the clipped picture on unseen scenes: correlation with the reference's log luminance inside
        clipped areas, mean over pictures that clip a hundredth or more; that of the probe on the reference itself; mean
        errors of peaks, in stops; squared velocity error elsewhere."""
        found: dict[str, list[Tensor]] = {}
        for bank in self.unseen:
            begun, aim = self.normalised(bank.start), self.normalised(bank.target)
            _, wanted = light_of_pairs(bank)
            area = nn.functional.adaptive_avg_pool2d(bank.clipped, (wanted.shape[-2], wanted.shape[-1]))
            noise = self.noise_scale * torch.randn(begun.shape, generator=torch.Generator().manual_seed(0))
            start = (begun + noise).to(self.device)
            clean = (start - self._velocity(start, torch.ones(len(start), device=self.device))).cpu()
            probe = LightProbe(weight=self.probe.weight.cpu(), bias=self.probe.bias.cpu())
            weights = (area > 0.5).float()
            first, second = probe(clean) / STOP, wanted / STOP
            deviation = second - (second * weights).sum((1, 2, 3), True) / weights.sum((1, 2, 3), True).clamp(min=1)
            spread = ((deviation.square() * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3)).clamp(min=1)).sqrt()
            shown = (weights.mean(dim=(1, 2, 3)) > 0.005) & (spread > 0.1)
            highest = torch.where(weights > 0, first, torch.zeros_like(first)).flatten(1).amax(1)
            wanted_highest = torch.where(weights > 0, second, torch.zeros_like(second)).flatten(1).amax(1)
            rest = 1 - nn.functional.adaptive_avg_pool2d(bank.clipped, (begun.shape[-2], begun.shape[-1]))
            found.setdefault("correlation", []).append(correlation(first, second, weights)[shown])
            found.setdefault("of_probe", []).append(correlation(probe(aim) / STOP, second, weights)[shown])
            found.setdefault("level_error", []).append(
                ((first - second).abs() * weights).sum((1, 2, 3))[shown] / weights.sum((1, 2, 3))[shown]
            )
            found.setdefault("peak", []).append((highest - wanted_highest)[shown])
            found.setdefault("elsewhere", []).append(((rest == 1) * (clean - begun).square()).mean(dim=(1, 2, 3)))
        return {name: float(torch.cat(values).mean()) for name, values in found.items()}

    def finish(self, out: Path) -> None:
        write_tensors(self.transformer.state_dict(), out / RESULT, {"stage": "prior"})
