"""The light anchor: curve and colour of a frame, learned from pairs of whole views, thinned."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.color import bt2390, ictcp, pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.losses import itp_distance
from lumaflux.lab.training.pairs import RenderedPairs
from lumaflux.lab.training.sheet import grid
from lumaflux.model.anchor import LightAnchor
from lumaflux.model.config import read_config

RESULT = "anchor.safetensors"
_THINNED = 2
DEFAULTS: dict[str, Any] = {"random_share": 0.45, "varied": 0.5, "without": (), "dropout": 0.0}


class AnchorStage:
    """Options: ``random_share`` of pairs by none of the eight operators, ``varied`` share of relit masters,
    ``without``: operators left out of training (validation is by all eight); ``dropout`` of what the anchor sees.

    Raises UserError for a model configuration without an anchor and for an unknown option.
    """

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        shape = read_config(config.model)
        if not shape.anchor_bins:
            raise UserError(f"{config.model} has no light anchor to train; set anchor_bins")
        if unknown := sorted(set(config.options) - set(DEFAULTS)):
            raise UserError(f"the anchor stage has no options {unknown}; it has {', '.join(DEFAULTS)}")
        self.config = config
        self.device = device or torch.device("cpu")
        options = {**DEFAULTS, **config.options}
        train = CropSampler(training_views(config, "train"))
        self.pairs = RenderedPairs(
            train, options["random_share"], options["varied"], thin=True, without=options["without"]
        )
        self.dropout = float(options["dropout"])
        self.unseen = CropSampler(training_views(config, "validation"))
        torch.manual_seed(config.seed)
        self.anchor = LightAnchor(shape).to(self.device)

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.anchor.named_parameters())

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def _placed(self, sdr: Tensor) -> Tensor:
        return self.anchor(sdr, self.anchor.predict(sdr))

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        sdr, hdr = (x.to(self.device) for x in self.pairs.draw(count, self.config.crop, generator))
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))  # of dropout
        self.anchor.dropout = self.dropout
        placement = self.anchor.predict(sdr)
        self.anchor.dropout = 0.0
        sdr, hdr = (x[..., ::_THINNED, ::_THINNED] for x in (sdr, hdr))  # one curve a frame: fewer pixels judge it
        placed = self.anchor(sdr, placement)
        error = placed - hdr
        l1, itp = error.abs().mean(), itp_distance(placed, hdr)
        deviation = (error.square().mean(dim=(1, 2, 3)) + 1e-5).sqrt().mean()
        return {"total": l1 + deviation + itp, "l1": l1.detach(), "deviation": deviation.detach(), "itp": itp.detach()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """PQ-PSNR and Delta-E-ITP over the eight standard operators on views of validation scenes."""
        generator = torch.Generator().manual_seed(0)
        hdr = self.unseen.draw(self.config.validation_count, self.config.validation_size, generator)
        psnr, difference = [], []
        for operator in OPERATORS:
            output = self._placed(render_standard(hdr, operator).to(self.device)).cpu()
            psnr.append(-10 * (output - hdr).square().mean(dim=(1, 2, 3)).log10().mean())
            difference.append(ictcp.delta_e_itp(pq.eotf(output), pq.eotf(hdr)).mean())
        return {"pq_psnr": float(torch.stack(psnr).mean()), "delta_e_itp": float(torch.stack(difference).mean())}

    @torch.no_grad()
    def pictures(self) -> dict[str, Image.Image]:
        """SDR by four operators, its placement and the reference, tone-mapped (BT.2390 to 203 cd/m2)."""
        generator = torch.Generator().manual_seed(0)
        hdr = self.unseen.draw(1, self.config.validation_size, generator).expand(4, -1, -1, -1)
        operators = list(OPERATORS)[::2]
        sdr = torch.cat([render_standard(hdr[:1], operator) for operator in operators]).to(self.device)

        def page(hdr_pq: Tensor) -> Tensor:
            return bt2390.sdr_from_hdr(pq.eotf(hdr_pq), master_peak=1000.0, target_peak=203.0)

        return {"placed": grid([sdr, page(self._placed(sdr)), page(hdr)])}

    def finish(self, out: Path) -> None:
        write_tensors(self.anchor.state_dict(), out / RESULT, {"stage": "anchor"})
