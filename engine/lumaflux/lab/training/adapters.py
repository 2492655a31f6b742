"""Stage 4: adapters and spline on SDR-HDR pairs, on the frozen backbone (paper sections 3.4 to 3.6).

Velocity loss on the noisy linear bridge; on some updates the one-step x0 = z_t - t v goes through VAE and spline and is
compared as a picture: as decoded, or by the product's path, where the source gives the detail.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.color import bt2390, ictcp, pq
from lumaflux.errors import UserError
from lumaflux.inference.backbones import backbone_of, base_of, is_release
from lumaflux.inference.composition import GainGrid, compose_reference
from lumaflux.inference.detail import gain_between, reduce_to
from lumaflux.lab.data.draws import generator_on, on_device
from lumaflux.lab.training.bridge import bridge_times, noisy_start, on_path
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.frozen import others
from lumaflux.lab.training.losses import itp_distance, knot_smoothness, linear_l1, multiscale_l1
from lumaflux.lab.training.pairs import pairs_for
from lumaflux.lab.training.stage_options import AdapterOptions, options_of
from lumaflux.lab.training.stage_weights import load_backbone_stages
from lumaflux.lab.training.tracking import grid
from lumaflux.model.checkpoint import load_adapters, save_adapters, save_model
from lumaflux.model.config import read_config
from lumaflux.model.lumaflux import Decoded, LumaFlux
from lumaflux.model.presets import HUB_BACKBONES, PRESETS
from lumaflux.model.pretrained import Placement, build_on_pretrained
from lumaflux.model.spline import PEAK_NITS
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings

RESULT = "model"
_RECOVERY = Settings().highlight_recovery


def network_for(config: TrainConfig) -> LumaFlux:
    """Fresh adapters on the frozen backbone: a release by name, one of another shape in ``start``, such as a
    rehearsal's, or what the earlier stages left."""
    options = options_of(config, AdapterOptions)
    variant = options.variant
    name = str(config.model)
    published = name in HUB_BACKBONES
    if published or (config.start is not None and is_release(config.start)):
        shape = PRESETS[name] if published else read_config(config.model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = build_on_pretrained(
                shape if variant is None else shape.with_variant(variant),
                *backbone_of(shape.name, config.start),
                placement=_placement(config),
            )
    elif config.start is None:
        raise UserError("the adapter stage needs 'start': the folder of the earlier stages, or a release's")
    else:
        network = load_backbone_stages(config.model, config.start, config.seed, variant)
    if options.silent_context:
        silence_context(network)
    if options.adapters:
        load_adapters(network, Path(options.adapters), keep_tone=True)
    return network


def adapter_parameters(network: LumaFlux) -> dict[str, nn.Parameter]:
    """What an adapter stage trains: all adapters but the tone predictor, which has a stage of its own."""
    named = network.adapters.named_parameters()
    return {name: parameter for name, parameter in named if not name.startswith("tone_predictor.")}


def _placement(config: TrainConfig) -> Placement:
    """Frozen parts as they will be used: FLUX.1-dev in fp32 would take 48 GB of the host."""
    return Placement(dtype=torch.bfloat16 if config.precision == "bf16" else torch.float32)


@torch.no_grad()
def silence_context(network: LumaFlux) -> None:
    """Sets the context that stands for the prompt to zeros, as the prior saw it: adapters that did not train yet then
    leave the prior what it was trained to be."""
    perception = network.adapters.perception
    perception.null_context.zero_()
    for parameter in perception.context_connector[-1].parameters():
        parameter.zero_()


@torch.no_grad()
def sample(network: LumaFlux, sdr: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """The bridge from 1 to 0 in equal Euler steps: SDR [B,3,H,W] -> final latents."""
    conditions = network.condition(sdr)
    z = noisy_start(network.encode(network.start(sdr)), network.config.noise_scale, generator)
    for i in range(steps):
        t = torch.full((len(z),), 1 - i / steps, device=z.device)
        z = z - network.velocity(z, t, conditions) / steps
    return z


class Begun(NamedTuple):
    """Where the bridge began: the ``reduced`` SDR [B,3,h,w], its ``placement``, its latents without noise."""

    reduced: Tensor
    placement: ToneCurve | None
    z_start: Tensor


def with_source_detail(network: LumaFlux, generated_pq: Tensor, begun: Begun, sdr: Tensor) -> Tensor:
    """The picture [B,3,h,w] that was generated from ``begun`` -> PQ/BT.2020 [B,3,H,W], the detail being of ``sdr``.

    With gradients: what was generated on a reduced frame, as light of the source's own pixels. The pictures are those
    of ``Converter.render``, but for debanding and look.
    """

    def place(codes: Tensor) -> Tensor:
        return network.to_pq(network.start(codes, begun.placement))

    with torch.no_grad():
        begun_pq, base_pq = network.to_pq(network.decode_latents(begun.z_start)), place(begun.reduced)
    light = GainGrid.of(gain_between(generated_pq, begun_pq, base_pq), base_pq)
    return compose_reference(sdr, sdr, place, light, _RECOVERY)


class AdapterStage:
    """Options: AdapterOptions."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        self.config = config
        self.device = device or torch.device("cpu")
        self.options = options = options_of(config, AdapterOptions)
        self.source_detail = options.detail == "source"
        self.pairs = pairs_for(config, "train", options.random_share, options.without, options.varied, self.device)
        self.unseen = pairs_for(config, "validation", 0.0)
        self.network = network_for(config)
        if config.precision == "bf16":
            self._halve_frozen()  # before it moves: FLUX.1-dev in fp32 takes 48 GB
        self.network.to(self.device)
        self.network.gradient_checkpointing = config.gradient_checkpointing

    def _halve_frozen(self) -> None:
        coding = [part for name, part in self.network.vae.named_children() if name != "bn"]  # FLUX.2's statistics
        for part in (self.network.transformer, self.network.siglip, *coding):
            nn.Module.to(part, torch.bfloat16)

    def _mixed(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def parameters(self) -> dict[str, nn.Parameter]:
        return adapter_parameters(self.network)

    def frozen(self) -> dict[str, Tensor]:
        return others(self.network.state_dict(), self.parameters())

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        options, network = self.options, self.network
        sdr, hdr = self.pairs.draw(count, self.config.crop, generator)
        sdr, hdr = sdr.to(self.device), hdr.to(self.device)
        generator = on_device(generator, self.device)
        t = bridge_times(count, options.at_one, generator)
        seen, aim = sdr, hdr
        if self.source_detail:
            seen, aim = (reduce_to(picture, network.config.working_pixels) for picture in (sdr, hdr))
        with torch.no_grad():
            placement = network.placement(seen)
            z_sdr = network.encode(network.start(seen, placement))
            z1 = noisy_start(z_sdr, network.config.noise_scale, generator)
            zt, target = on_path(network.encode(aim), z1, t)
        with self._mixed():
            velocity = network.velocity(zt, t, network.condition(seen)).float()
        flow = (velocity - target).square().mean()
        losses = {"total": options.flow * flow, "flow": flow.detach()}
        if step % options.picture_every == 0:
            x0 = zt - t.view(-1, 1, 1, 1) * velocity
            if self.source_detail:
                self._add_source_losses(losses, x0, aim, Begun(seen, placement, z_sdr))
            else:
                shown = min(options.picture_count, count)
                self._add_decoded_losses(losses, x0[:shown], hdr[:shown])
        return losses

    def _add_decoded_losses(self, losses: dict[str, Tensor], x0: Tensor, hdr: Tensor) -> None:
        decoded = self.network.decode(x0)
        tone = multiscale_l1(decoded.hdr_pq, hdr) + 0.5 * multiscale_l1(decoded.vae_pq, hdr)
        self._add_picture_losses(losses, decoded.hdr_pq, hdr, tone, decoded)

    def _add_source_losses(self, losses: dict[str, Tensor], x0: Tensor, hdr: Tensor, begun: Begun) -> None:
        decoded = self.network.decode(x0)
        picture = with_source_detail(self.network, decoded.hdr_pq, begun, begun.reduced)
        self._add_picture_losses(losses, picture, hdr, multiscale_l1(picture, hdr), decoded)

    def _add_picture_losses(
        self, losses: dict[str, Tensor], picture: Tensor, hdr: Tensor, tone: Tensor, decoded: Decoded
    ) -> None:
        terms = {
            "pq": tone,
            "itp": itp_distance(picture, hdr),
            "linear": linear_l1(picture, hdr),
            "knots": knot_smoothness(decoded),
        }
        for name, term in terms.items():
            losses["total"] = losses["total"] + getattr(self.options, name) * term
            losses[name] = term.detach()

    @torch.no_grad()
    def _converted(self, sdr: Tensor, steps: int) -> Tensor:
        """By as many steps of the sampler; 0: without the transformer, z(0) = z(1)."""
        network, outputs = self.network, []
        for chunk in sdr.split(4):
            seen = reduce_to(chunk, network.config.working_pixels) if self.source_detail else chunk
            placement = network.placement(seen)
            z_start = network.encode(network.start(seen, placement))
            with self._mixed():
                z = sample(network, seen, steps, generator_on(self.device, 1)).float() if steps else z_start
            picture = network.decode(z).hdr_pq
            if self.source_detail:
                picture = with_source_detail(network, picture, Begun(seen, placement, z_start), chunk)
            outputs.append(picture)
        return torch.cat(outputs)

    def _validation(self, count: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        sdr, hdr = self.unseen.draw(count, self.config.validation_size, generator)
        return sdr.to(self.device), hdr.to(self.device)

    def validate(self) -> dict[str, float]:
        """PQ-PSNR and Delta-E-ITP on validation scenes with the real sampler at 1 and 4 steps, and with none."""
        sdr, hdr = self._validation(self.config.validation_count)
        figures = {}
        for steps in (0, 1, 4):
            output = self._converted(sdr, steps)
            error = (output - hdr).square().mean(dim=(1, 2, 3))
            figures[f"pq_psnr_{steps}"] = float(-10 * error.log10().mean())
            figures[f"delta_e_itp_{steps}"] = float(ictcp.delta_e_itp(pq.eotf(output), pq.eotf(hdr)).mean())
        return figures

    def pictures(self) -> dict[str, Image.Image]:
        """SDR sources, results and references of validation scenes; HDR tone-mapped (BT.2390 to 203 cd/m2)."""
        sdr, hdr = self._validation(4)

        def page(hdr_pq: Tensor) -> Tensor:
            return bt2390.sdr_from_hdr(pq.eotf(hdr_pq), master_peak=PEAK_NITS, target_peak=203.0)

        return {"converted": grid([sdr, page(self._converted(sdr, 4)), page(hdr)])}

    def finish(self, out: Path) -> None:
        summary = {"stage": "adapters", "steps": self.config.steps, "batch": self.config.batch}
        name = self.network.config.name
        if name in HUB_BACKBONES:  # its frozen weights stay where they are
            base, file = base_of(self.config.start, name), out / "adapters.safetensors"
            save_adapters(self.network, file, base_model=name, training=summary, base=base)
        else:
            save_model(self.network, out / RESULT, base_model=name, training=summary)
