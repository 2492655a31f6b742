"""Stage 1: the autoencoder, on PQ masters, their SDR renderings and SDR photographs.

An AutoencoderKL starts as a linear transform, or anew; a TinyAutoencoder is tuned from weights that exist.
"""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.draws import integer, normal, on_device, rand
from lumaflux.lab.data.imperfections import imperfections
from lumaflux.lab.data.mastering import relight
from lumaflux.lab.data.random_rendering import render_random
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.frozen import others
from lumaflux.lab.training.losses import gradient_l1, multiscale_l1
from lumaflux.lab.training.pairs import masters_for
from lumaflux.lab.training.stage_options import VaeOptions, options_of
from lumaflux.lab.training.stage_weights import VAE_DIRECTORY, load_stage
from lumaflux.lab.training.tracking import grid
from lumaflux.lab.training.vae_init import linear_init
from lumaflux.model.autoencoder import build_autoencoder, latents_of, pixels_of
from lumaflux.model.config import read_config
from lumaflux.model.tiny_autoencoder import TinyAutoencoder

RESULT = "vae.safetensors"
_INITIAL_CROPS = 64


class VaeStage:
    """A batch holds masters, three eighths renderings and up to a quarter photographs.

    Options: VaeOptions.
    """

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        options = options_of(config, VaeOptions)
        self.config = config
        self.device = device or torch.device("cpu")
        torch.manual_seed(config.seed)
        self.vae: Any = build_autoencoder(read_config(config.model).vae)
        self.masters = masters_for(config, "train", self.device)
        self.photographs = masters_for(config, "train", self.device, ("photograph",))
        self.unseen = CropSampler(training_views(config, "validation"))
        self.kl, self.gradient, self.varied = options.kl, options.gradient, options.varied
        self.decoder_noise = options.decoder_noise
        if options.weights:
            load_stage(self.vae, Path(options.weights))
        elif self.decoder_noise is None and isinstance(self.vae, TinyAutoencoder):
            raise UserError("the small autoencoder is tuned, not trained anew: name its weights with 'weights'")
        elif self.decoder_noise is None:
            crops = self.draw(torch.Generator().manual_seed(config.seed), _INITIAL_CROPS).cpu()
            linear_init(self.vae, 2 * crops - 1)
        elif config.start is None:
            raise ValueError("training the decoder alone needs 'start', the folder of the earlier stages")
        else:
            load_stage(self.vae, config.start / VAE_DIRECTORY / RESULT)
        self.vae.to(self.device)

    def frozen(self) -> dict[str, Tensor]:
        return others(self.vae.state_dict(), self.parameters())

    def parameters(self) -> dict[str, nn.Parameter]:
        trained = self.vae if self.decoder_noise is None else self.vae.decoder
        return dict(trained.named_parameters())

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        """``count`` pictures [B,3,S,S] in [0,1]."""
        size = self.config.crop
        if self.config.resident:
            generator = on_device(generator, self.device)
        photographs = integer(count + 1, generator) // 4
        rendered = count * 3 // 8
        masters = self.masters.draw(count - photographs, size, generator)
        with torch.no_grad():
            masters = relight(masters, self.varied, generator) if self.varied else masters
            sdr = imperfections(render_random(masters[:rendered], generator), generator)
        parts = [masters[rendered:], sdr]
        if photographs:
            parts.append(self.photographs.draw(photographs, size, generator))
        return torch.cat(parts)

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        target = 2 * self.draw(generator, count).to(self.device) - 1
        generator = on_device(generator, self.device)
        latents, kl = self._noisy_latents(target, generator)
        output = pixels_of(self.vae, latents)
        l1 = multiscale_l1(output, target)
        edges = gradient_l1(output, target)
        return {
            "total": l1 + self.gradient * edges + self.kl * kl,
            "l1": l1.detach(),
            "edges": edges.detach(),
            "kl": kl.detach(),
        }

    def _noisy_latents(self, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents as the decoder sees them in training, and the divergence from a normal distribution per latent."""
        if self.decoder_noise is None and isinstance(self.vae, TinyAutoencoder):
            return self.vae.latents(target), torch.zeros(())
        if self.decoder_noise is None:
            posterior = self.vae.encode(target).latent_dist
            noise = normal(tuple(posterior.mean.shape), generator)
            return posterior.mean + posterior.std * noise, posterior.kl().mean() / posterior.mean[0].numel()
        with torch.no_grad():
            mode = latents_of(self.vae, target)
        level = self.decoder_noise * rand((len(mode), 1, 1, 1), generator)
        return mode + level * normal(tuple(mode.shape), generator), mode.new_zeros(())

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """PSNR (peak 1.0) of the mode's reconstruction on masters and renderings of validation scenes."""
        generator = torch.Generator().manual_seed(0)
        masters = self.unseen.draw(self.config.validation_count, self.config.validation_size, generator)
        sdr = imperfections(render_random(masters, generator), generator)
        return {"pq_psnr": self._psnr(masters), "sdr_psnr": self._psnr(sdr)}

    def _psnr(self, pictures: Tensor) -> float:
        values = []
        for chunk in pictures.to(self.device).split(8):
            output = pixels_of(self.vae, latents_of(self.vae, 2 * chunk - 1))
            error = (0.5 * output + 0.5).clamp(0, 1) - chunk
            values.append(-10 * error.square().mean(dim=(1, 2, 3)).log10())
        return float(torch.cat(values).mean())

    @torch.no_grad()
    def pictures(self) -> dict[str, Image.Image]:
        """Masters and renderings of validation scenes above their reconstructions."""
        generator = torch.Generator().manual_seed(0)
        masters = self.unseen.draw(3, self.config.validation_size, generator)
        shown = torch.cat([masters, imperfections(render_random(masters, generator), generator)]).to(self.device)
        output = pixels_of(self.vae, latents_of(self.vae, 2 * shown - 1))
        return {"reconstruction": grid([shown, (0.5 * output + 0.5).clamp(0, 1)])}

    def finish(self, out: Path) -> None:
        write_tensors(self.vae.state_dict(), out / RESULT, {"stage": "vae"})
