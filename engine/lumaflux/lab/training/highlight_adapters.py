"""Stage 4 for models whose local light is highlights: adapters and spline on encoded pairs, on the frozen backbone.

The start is the placed picture, the adapters see the SDR codes, and the light of one step, through the tone field, is
compared in clipped areas: the product's path at the working size. What the prior cannot know from latents alone, the
tower can: whether white is a lamp, a window, a sky or paper.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.color import pq
from lumaflux.inference.detail import OFFSET_NITS
from lumaflux.inference.highlights import stops_between
from lumaflux.lab.data.draws import on_device
from lumaflux.lab.training.adapters import RESULT, adapter_parameters, network_for
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.frozen import others
from lumaflux.lab.training.highlight_scores import generated_by
from lumaflux.lab.training.highlight_task import HighlightTask
from lumaflux.lab.training.latent_bank import cells
from lumaflux.lab.training.losses import knot_smoothness
from lumaflux.lab.training.stage_options import HighlightAdapterOptions, options_of
from lumaflux.model.checkpoint import save_model
from lumaflux.model.lumaflux import Decoded
from lumaflux.model.spline import PEAK_PQ, Knots, apply_spline

_OF_NETWORK = {"variant", "adapters", "silent_context"}


class HighlightAdapterStage:
    """Options: :class:`HighlightAdapterOptions`."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        self.options = options_of(config, HighlightAdapterOptions)
        self.config = config
        self.device = device or torch.device("cpu")
        self.network = network_for(replace(config, options=self.options.model_dump(include=_OF_NETWORK)))
        self.task = HighlightTask(self.config, self.options, self.device)
        self.task.begin(self.network.config)
        self.network.to(self.device)

    def parameters(self) -> dict[str, nn.Parameter]:
        return adapter_parameters(self.network)

    def frozen(self) -> dict[str, Tensor]:
        return others(self.network.state_dict(), self.parameters())

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        options, task, network = self.options, self.task, self.network
        pairs = task.draw(step, count, on_device(generator, self.device))
        z, aim = task.normalised(pairs.start), task.normalised(pairs.target)
        conditions = network.condition(pairs.sdr.float() / 255)
        velocity = network.velocity(z, torch.ones(count, device=self.device), conditions).float()
        weight = 1 + options.clipped * cells(pairs.clipped, z)
        flow = (weight * (velocity - (z - aim)).square()).mean() / weight.mean()
        losses = {"total": options.flow * flow, "flow": flow.detach()}
        clean = z - velocity
        knots = network.knots(clean)
        if options.decoded:
            pairs, clean = (
                pairs.taken(torch.arange(min(options.decoded, count), device=self.device)),
                clean[: options.decoded],
            )
            with torch.no_grad():
                begun = task.decoded(pairs.start)
            decoded = network.decode(clean)
            knots, found = decoded.knots, stops_between(decoded.hdr_pq, begun)
        else:
            found = self._toned(task.light(clean), knots) - task.light(z).detach()
        smooth = knot_smoothness(Decoded(vae_pq=found, hdr_pq=found, knots=knots))
        losses["total"] = losses["total"] + options.knots * smooth
        task.add_terms(losses, task.terms(pairs, found))
        return losses

    def _toned(self, light: Tensor, knots: Knots) -> Tensor:
        """log2(cd/m2 + OFFSET_NITS) of a grey picture -> the same after the tone field."""
        signal = pq.inverse_eotf((torch.exp2(light) - OFFSET_NITS).clamp(min=0.01)).clamp(max=PEAK_PQ)
        shown = PEAK_PQ * apply_spline(signal / PEAK_PQ, knots, self.network.adapters.tone.kind)
        return torch.log2(pq.eotf(shown) + OFFSET_NITS)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """One step on unseen scenes, by the product's path; see highlight_scores."""
        generate = generated_by(self.network)

        return self.task.score(lambda pairs: generate(pairs.on(self.device)).cpu())

    def pictures(self) -> dict[str, Image.Image]:
        return {}

    def finish(self, out: Path) -> None:
        summary: dict[str, Any] = {"stage": "adapters", "steps": self.config.steps, "batch": self.config.batch}
        save_model(self.network, out / RESULT, base_model=self.network.config.name, training=summary)
