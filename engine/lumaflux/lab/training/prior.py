"""Stage 3: the Flux transformer as a flow-matching prior on PQ latents, without conditions.

A share of a batch couples pictures with pure noise. The rest couples each with the latents of the same picture whose
highlights are clipped, plus noise (data-dependent couplings, Albergo et al. 2023): the neighbourhood in which the
bridge z_sdr + sigma eps begins, and the task that is left when the tone is known.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from PIL import Image
from torch import Tensor, nn

from lumaflux.inference.highlights import stops_between
from lumaflux.lab.data.draws import how_many, normal, on_device, rand
from lumaflux.lab.training.bridge import on_path
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.highlight_task import HighlightTask
from lumaflux.lab.training.latent_bank import LatentPairs, cells
from lumaflux.lab.training.light_decoder import log_light
from lumaflux.lab.training.stage_options import PriorOptions, options_of
from lumaflux.lab.training.stage_weights import LATENT_STATISTICS, VAE_DIRECTORY, load_stage, scaled_config
from lumaflux.model.latents import pack, position_ids, unpack

RESULT = "transformer.safetensors"


def latent_statistics(banks: list[LatentPairs]) -> dict[str, float]:
    """scaling_factor and shift_factor that give latents of mean 0 and deviation 1."""
    latents = torch.cat([part.flatten() for bank in banks for part in (bank.start, bank.target)])
    return {"scaling_factor": float(1 / latents.std()), "shift_factor": float(latents.mean())}


class PriorStage:
    """Options: :class:`PriorOptions`. Measures the latent statistics first, if nobody has."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        if config.start is None:
            raise ValueError("the prior stage needs 'start', the folder of the earlier stages")
        self.config, self.options = config, options_of(config, PriorOptions)
        self.device = device or torch.device("cpu")
        self.task = HighlightTask(config, self.options, self.device)
        statistics = config.start / VAE_DIRECTORY / LATENT_STATISTICS
        if not statistics.exists():
            pairs = self.task.pairs.some(self.options.light_examples)
            statistics.write_text(json.dumps(latent_statistics(pairs)) + "\n")
        scaled = scaled_config(config.model, config.start)
        self.noise_scale = scaled.noise_scale
        self.task.begin(scaled)
        torch.manual_seed(config.seed)
        self.transformer: Any = FluxTransformer2DModel(**scaled.transformer)
        if self.options.weights:
            load_stage(self.transformer, Path(self.options.weights))
        self.transformer.to(self.device)
        self._begun = {name: weight.clone() for name, weight in self.transformer.state_dict().items()}
        shape = scaled.transformer
        self.context_weight = math.log(scaled.null_tokens + scaled.siglip_tokens)
        self.context = torch.zeros(1, 1, shape["joint_attention_dim"], device=self.device)
        self.pooled = torch.zeros(1, shape["pooled_projection_dim"], device=self.device)

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.transformer.named_parameters())

    def _velocity(self, z: Tensor, t: Tensor) -> Tensor:
        """The context is zeros, all its tokens are one: it is computed once, and weighs in attention like all."""
        count, grid = len(z), (z.shape[-2] // 2, z.shape[-1] // 2)
        ids = position_ids(1, grid, z.device)
        weights = torch.zeros(1, 1, 1, len(ids), device=z.device)
        weights[..., 0] = self.context_weight
        tokens = self.transformer(
            hidden_states=pack(z),
            encoder_hidden_states=self.context.expand(count, -1, -1),
            pooled_projections=self.pooled.expand(count, -1),
            timestep=t,
            txt_ids=ids[:1],
            img_ids=ids[1:],
            joint_attention_kwargs={"attention_mask": weights},
            return_dict=False,
        )[0]
        return unpack(tokens, grid)

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def pictures(self) -> dict[str, Image.Image]:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        options, task = self.options, self.task
        generator = on_device(generator, self.device)
        pairs = task.draw(step, count, generator)
        begun, aim = task.normalised(pairs.start), task.normalised(pairs.target)
        bridged = 1 - options.pure_noise
        shares = [bridged * options.at_one, options.pure_noise, bridged * (1 - options.at_one)]
        one, pure, _ = how_many(count, shares, generator)
        noise = normal(tuple(begun.shape), generator)
        column = (count, 1, 1, 1)
        strength = rand(column, generator).square()
        strength[:one] = self.noise_scale
        z1 = begun + strength * noise
        z1[one : one + pure] = noise[one : one + pure]
        t = rand((count,), generator)
        t[:one] = 1
        zt, target = on_path(aim, z1, t)
        weight = 1 + options.clipped * cells(pairs.clipped, begun)
        velocity = self._velocity(zt, t)
        flow = (weight * (velocity - target).square()).mean() / weight.mean()
        losses = {"total": flow, "flow": flow.detach()}
        if shown := min(one, options.decoded or one):
            index = torch.arange(shown, device=self.device)
            clean = (zt - velocity)[:shown]
            found = task.found(pairs.start[:shown], clean, through_vae=bool(options.decoded))
            task.add_terms(losses, task.terms(pairs.taken(index), found))
        return losses

    def _blended(self) -> dict[str, Tensor]:
        learned = self.transformer.state_dict()
        return {name: torch.lerp(self._begun[name], learned[name], self.options.blend) for name in learned}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The figures of what the stage will leave behind."""
        learned = {name: weight.clone() for name, weight in self.transformer.state_dict().items()}
        self.transformer.load_state_dict(self._blended())
        try:
            return self._figures()
        finally:
            self.transformer.load_state_dict(learned)

    def _figures(self) -> dict[str, float]:
        """One step from the clipped picture on unseen scenes, through the autoencoder; see highlight_scores. And how
        far stops by the light decoder follow those by the autoencoder in clipped areas, as a correlation."""
        task, agreed = self.task, []

        def generate(pairs: LatentPairs) -> Tensor:
            z, raw = task.normalised(pairs.start).to(self.device), pairs.start.to(self.device)
            clean = z - self._velocity(z, torch.ones(len(z), device=self.device))
            made, begun = task.decoded(clean / task.scale + task.shift), task.decoded(raw)
            light = task.found(raw, clean, through_vae=False).cpu()
            inside = pairs.clipped > 0.5
            agreed.append(torch.stack([light[inside], (log_light(made) - log_light(begun)).cpu()[inside]]))
            return stops_between(made, begun).cpu()

        figures = task.score(generate)
        return {**figures, "light_decoder": float(torch.corrcoef(torch.cat(agreed, 1))[0, 1])}

    def finish(self, out: Path) -> None:
        write_tensors(self._blended(), out / RESULT, {"stage": "prior"})
