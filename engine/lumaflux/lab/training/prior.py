"""Stage 3: the Flux transformer as a flow-matching prior on PQ latents, without conditions.

Half of a batch couples data with pure noise; the other half with the latents of a random photometric rendering of the
same picture plus noise of random strength (data-dependent couplings, Albergo et al. 2023): the neighbourhood in which
the bridge z_sdr + 0.05 eps begins.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from PIL import Image
from torch import Tensor, nn

from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.renderings import render_pairs
from lumaflux.lab.training.bridge import on_path
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.stage_weights import LATENT_STATISTICS, VAE_DIRECTORY, load_vae, scaled_config
from lumaflux.model.latents import pack, position_ids, unpack

RESULT = "transformer.safetensors"
_NULL_TOKENS = 8


def encode(vae: Any, pictures: Tensor) -> Tensor:
    """Pictures [B,3,H,W] in [0,1] -> normalised latents (mode)."""
    mode = vae.encode(2 * pictures - 1).latent_dist.mode()
    return (mode - (vae.config["shift_factor"] or 0.0)) * vae.config["scaling_factor"]


@torch.no_grad()
def latent_statistics(vae: Any, masters: CropSampler, crop: int) -> dict[str, float]:
    """scaling_factor and shift_factor that give latents of mean 0 and deviation 1 over masters and renderings."""
    generator = torch.Generator().manual_seed(0)
    modes = []
    for _ in range(24):
        pictures = masters.draw(8, crop, generator)
        pictures[4:] = render_pairs(pictures[4:], generator)
        modes.append(vae.encode(2 * pictures - 1).latent_dist.mode())
    latents = torch.cat(modes)
    return {"scaling_factor": float(1 / latents.std()), "shift_factor": float(latents.mean())}


class PriorStage:
    """Options: ``bank`` crops are encoded beforehand (each with one rendering); ``pure_noise`` is the share of a batch
    that starts from noise alone. Measures the latent statistics first, if nobody has."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        if config.start is None:
            raise ValueError("the prior stage needs 'start', the folder of the earlier stages")
        self.config = config
        self.device = device or torch.device("cpu")
        masters = CropSampler(training_views(config, "train"))
        statistics = config.start / VAE_DIRECTORY / LATENT_STATISTICS
        vae = load_vae(config.model, config.start)
        if not statistics.exists():
            statistics.write_text(json.dumps(latent_statistics(vae, masters, config.crop)) + "\n")
            vae = load_vae(config.model, config.start)
        shape = scaled_config(config.model, config.start).transformer
        torch.manual_seed(config.seed)
        self.transformer: Any = FluxTransformer2DModel(**shape)
        self.transformer.to(self.device)
        self.context = torch.zeros(1, _NULL_TOKENS, shape["joint_attention_dim"], device=self.device)
        self.pooled = torch.zeros(1, shape["pooled_projection_dim"], device=self.device)
        self.pure_noise = float(config.options.get("pure_noise", 0.4))
        self.bank = self._encode_bank(vae, masters, int(config.options.get("bank", 1024)), config.seed)
        unseen = CropSampler(training_views(config, "validation"))
        self.unseen = self._encode_bank(vae, unseen, 48, config.seed)

    @torch.no_grad()
    def _encode_bank(self, vae: Any, sampler: CropSampler, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """Latents of masters and of one rendering of each: two tensors [count,c,h,w]."""
        generator = torch.Generator().manual_seed(seed)
        clean, rendered = [], []
        for _ in range(0, count, 16):
            pictures = sampler.draw(16, self.config.crop, generator)
            clean.append(encode(vae, pictures))
            rendered.append(encode(vae, render_pairs(pictures, generator, 0.5)))
        return torch.cat(clean), torch.cat(rendered)

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.transformer.named_parameters())

    def _velocity(self, z: Tensor, t: Tensor) -> Tensor:
        count, grid = len(z), (z.shape[-2] // 2, z.shape[-1] // 2)
        ids = position_ids(_NULL_TOKENS, grid, z.device)
        tokens = self.transformer(
            hidden_states=pack(z),
            encoder_hidden_states=self.context.expand(count, -1, -1),
            pooled_projections=self.pooled.expand(count, -1),
            timestep=t,
            txt_ids=ids[:_NULL_TOKENS],
            img_ids=ids[_NULL_TOKENS:],
            return_dict=False,
        )[0]
        return unpack(tokens, grid)

    def _flow(self, bank: tuple[Tensor, Tensor], count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Squared velocity errors [count] and which of them began from pure noise."""
        clean, rendered = bank
        index = torch.randint(len(clean), (count,), generator=generator)
        z0, near = clean[index], rendered[index]
        pure = torch.rand(count, 1, 1, 1, generator=generator) < self.pure_noise
        strength = torch.rand(count, 1, 1, 1, generator=generator).square()
        noise = torch.randn(z0.shape, generator=generator)
        z1 = torch.where(pure, noise, near + strength * noise)
        t = torch.rand(count, generator=generator)
        zt, velocity = on_path(z0, z1, t)
        zt, t, velocity = (x.to(self.device) for x in (zt, t, velocity))
        error = (self._velocity(zt, t) - velocity).square().mean(dim=(1, 2, 3))
        return error, pure.flatten().to(self.device)

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def pictures(self) -> dict[str, Image.Image]:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        error, _ = self._flow(self.bank, count, generator)
        return {"total": error.mean()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Velocity errors on unseen scenes, from noise and from renderings."""
        generator = torch.Generator().manual_seed(0)
        error, pure = self._flow(self.unseen, 96, generator)
        return {"from_noise": float(error[pure].mean()), "from_rendering": float(error[~pure].mean())}

    def finish(self, out: Path) -> None:
        write_tensors(self.transformer.state_dict(), out / RESULT, {"stage": "prior"})
