"""Stage 4: adapters and spline on SDR-HDR pairs, on the frozen backbone (paper sections 3.4 to 3.6).

Velocity loss on the noisy linear bridge; on some updates the one-step x0 = z_t - t v goes through VAE and spline and is
compared as a picture.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from engine.color import ictcp, pq
from engine.data.batches import CropSampler
from engine.data.renderings import render_pairs
from engine.data.views import load_views
from engine.model import LumaFlux
from engine.model.checkpoint import save_model
from engine.training.bridge import bridge_times, noisy_start, on_path
from engine.training.config import TrainConfig
from engine.training.losses import knot_smoothness, linear_l1, multiscale_l1
from engine.training.stage_weights import load_backbone_stages

RESULT = "model"


@torch.no_grad()
def sample(network: LumaFlux, sdr: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """The bridge from 1 to 0 in equal Euler steps: SDR [B,3,H,W] -> final latents."""
    conditions = network.condition(sdr)
    z = noisy_start(network.encode(sdr), network.config.noise_scale, generator)
    for i in range(steps):
        t = torch.full((len(z),), 1 - i / steps)
        z = z - network.velocity(z, t, conditions) / steps
    return z


class AdapterStage:
    """Options: ``picture_every`` and ``picture_count`` (how often and for how many the decoded picture counts),
    ``at_one`` (share of t = 1), ``random_share`` (of pairs by random renderings), weights ``pq``, ``itp``, ``linear``,
    ``knots``; ``adapters`` names a file to start from.
    """

    def __init__(self, config: TrainConfig):
        if config.start is None:
            raise ValueError("the adapter stage needs 'start', the folder of the earlier stages")
        self.config = config
        self.network = load_backbone_stages(config.model, config.start, config.seed)
        if warm := config.options.get("adapters"):
            from engine.model.checkpoint import load_adapters

            load_adapters(self.network, Path(warm))
        self.masters = CropSampler(load_views(config.views, "train"))
        self.unseen = CropSampler(load_views(config.views, "validation"))
        self.options = {
            "picture_every": 2,
            "picture_count": 4,
            "at_one": 0.5,
            "random_share": 0.3,
            "pq": 4.0,
            "itp": 2.0,
            "linear": 1.0,
            "knots": 1e-3,
            **config.options,
        }

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.network.adapters.named_parameters())

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        options, network = self.options, self.network
        hdr = self.masters.draw(self.config.batch, self.config.crop, generator)
        with torch.no_grad():
            sdr = render_pairs(hdr, generator, options["random_share"])
            z0, z_sdr = network.encode(hdr), network.encode(sdr)
            z1 = noisy_start(z_sdr, network.config.noise_scale, generator)
            t = bridge_times(len(hdr), options["at_one"], generator)
            zt, target = on_path(z0, z1, t)
        velocity = network.velocity(zt, t, network.condition(sdr))
        flow = (velocity - target).square().mean()
        losses = {"total": flow, "flow": flow.detach()}
        if step % options["picture_every"] == 0:
            count = options["picture_count"]
            x0 = (zt - t.view(-1, 1, 1, 1) * velocity)[:count]
            self._add_picture_losses(losses, x0, hdr[:count])
        return losses

    def _add_picture_losses(self, losses: dict[str, Tensor], x0: Tensor, hdr: Tensor) -> None:
        decoded = self.network.decode(x0)
        terms = {
            "pq": multiscale_l1(decoded.hdr_pq, hdr) + 0.5 * multiscale_l1(decoded.vae_pq, hdr),
            "itp": itp_distance(decoded.hdr_pq, hdr),
            "linear": linear_l1(decoded.hdr_pq, hdr),
            "knots": knot_smoothness(decoded),
        }
        for name, term in terms.items():
            losses["total"] = losses["total"] + self.options[name] * term
            losses[name] = term.detach()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """PQ-PSNR and Delta-E-ITP on validation scenes with the real sampler at 1 and 4 steps."""
        generator = torch.Generator().manual_seed(0)
        hdr = self.unseen.draw(self.config.validation_count, self.config.validation_size, generator)
        sdr = render_pairs(hdr, generator, random_share=0.0)
        figures = {}
        for steps in (1, 4):
            outputs = [
                self.network.decode(sample(self.network, chunk, steps, torch.Generator().manual_seed(1))).hdr_pq
                for chunk in sdr.split(8)
            ]
            output = torch.cat(outputs)
            error = (output - hdr).square().mean(dim=(1, 2, 3))
            figures[f"pq_psnr_{steps}"] = float(-10 * error.log10().mean())
            figures[f"delta_e_itp_{steps}"] = float(ictcp.delta_e_itp(pq.eotf(output), pq.eotf(hdr)).mean())
        return figures

    def finish(self, out: Path) -> None:
        summary = {"stage": "adapters", "steps": self.config.steps, "batch": self.config.batch}
        save_model(self.network, out / RESULT, base_model="lite", training=summary)


def itp_distance(output_pq: Tensor, target_pq: Tensor) -> Tensor:
    """Mean distance in ITP, Delta-E-ITP / 720, with a finite gradient at equality."""
    difference = ictcp.rgb_to_ictcp(pq.eotf(output_pq)) - ictcp.rgb_to_ictcp(pq.eotf(target_pq))
    weights = difference.new_tensor([1.0, 0.5, 1.0]).view(1, 3, 1, 1)
    return ((weights * difference).square().sum(dim=1) + 1e-6).sqrt().mean()
