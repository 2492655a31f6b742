"""The tone predictor: curve and colour of a frame, learned from a bank of pairs (lumaflux.lab.data.tone_pairs)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from lumaflux.color import bt2390, ictcp, pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.mastering import at_exposure
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.tone_pairs import PairRenderer, needed_stops
from lumaflux.lab.data.tone_pool import FULL_SCALE, TonePictures, load_pool
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.losses import itp_distance
from lumaflux.lab.training.stage_options import TonePredictorOptions, options_of
from lumaflux.lab.training.tracking import grid
from lumaflux.model.config import read_config
from lumaflux.model.tone_cues import AVERAGE_SCALE, distribution
from lumaflux.model.tone_predictor import TonePredictor

RESULT = "anchor.safetensors"
_THINNED = 3
_AT_ONCE = 64
_TOLD, _OWN = 0.5, 0.4  # shares of the pairs whose source is told, or left to the head; of the rest it is unknown


class TonePredictorStage:
    """Options: TonePredictorOptions.

    Raises UserError for a model configuration without a tone predictor and for an unknown option.
    """

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        shape = read_config(config.model)
        if not shape.tone_bins:
            raise UserError(f"{config.model} has no tone predictor to train; set tone_bins")
        self.options = options_of(config, TonePredictorOptions)
        if config.views is None:
            raise UserError("the predictor stage trains on a pool of lumaflux.lab.data.tone_pool; name it with 'views'")
        self.config, self.device = config, device or torch.device("cpu")
        held = set(self.options.held)
        known = load_pool(config.views)
        if unknown := sorted(held - {picture.name for picture in known}):
            raise UserError(f"{config.views} has no training source {', '.join(unknown)} to hold out")
        seen = [picture for picture in known if picture.name not in held]
        self.pairs = PairRenderer(seen, self.options.without, self.options.shares)
        self.unseen = load_pool(config.views, ("validation",))
        self.held = [picture for picture in known if picture.name in held and picture.kind == "pair"]
        bank = self.pairs.bank(self.options.bank, config.seed)
        self.sdr, self.hdr, self.is_camera = (x.to(self.device) for x in (bank.sdr, bank.hdr, bank.camera))
        torch.manual_seed(config.seed)
        self.tone_predictor = TonePredictor(shape).to(self.device)
        self.rendering = nn.Linear(self.tone_predictor.camera.in_features, len(OPERATORS) + 1).to(self.device)
        places = {name: place for place, name in enumerate(OPERATORS)}
        self.renderings = torch.tensor([places.get(name, len(places)) for name in bank.names], device=self.device)
        self.seen = torch.cat([distribution(_signal(part, 255)) for part in self.sdr.split(_AT_ONCE)])
        with torch.no_grad():
            self.tone_predictor.line.copy_(self._lines())

    def _lines(self) -> Tensor:
        """Least squares of the exposure that pairs need on the SDR's log-average, of masters and of camera material."""
        needed = torch.cat(
            [
                needed_stops(_signal(sdr[..., ::3, ::3], 255), _signal(hdr[..., ::3, ::3], FULL_SCALE))
                for sdr, hdr in zip(self.sdr.split(_AT_ONCE), _split(self.hdr), strict=True)
            ]
        )
        average = AVERAGE_SCALE * self.seen[:, -1:] - self.tone_predictor.pivot
        found = torch.zeros(2, 2)
        for kind in (0, 1):
            chosen = self.is_camera == kind
            if int(chosen.sum()) > 2:
                columns = torch.cat([torch.ones_like(average[chosen]), average[chosen]], dim=1)
                found[kind] = torch.linalg.lstsq(columns.cpu(), needed[chosen].cpu()).solution[:, 0]
        return found

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.tone_predictor.named_parameters()) | {
            f"rendering.{name}": parameter for name, parameter in self.rendering.named_parameters()
        }

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        picked = torch.randint(len(self.sdr), (count,), generator=generator)
        sdr, hdr = _signal(self.sdr[picked], 255), _signal(_rows(self.hdr, picked), FULL_SCALE)
        camera, chance = self.is_camera[picked], torch.rand(count, generator=generator).to(self.device)
        told = camera.where(chance < _TOLD, torch.where(chance < _TOLD + _OWN, math.nan, 0.5))
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))  # of dropout
        with self._training():
            read = self.tone_predictor.read(sdr, told, self.seen[picked])
        top, left = torch.randint(_THINNED, (2,), generator=generator).tolist()  # one curve a frame: fewer pixels judge
        sdr, hdr = (x[..., top::_THINNED, left::_THINNED] for x in (sdr, hdr))
        placed = self.tone_predictor(sdr, read.placement)
        error = placed - hdr
        parts = {
            "l1": error.abs().mean(),
            "deviation": (error.square().mean(dim=(1, 2, 3)) + 1e-5).sqrt().mean(),
            "itp": itp_distance(placed, hdr),
            "doubt": self.options.doubt * read.residual.square().mean(),
            "chroma": self.options.chroma * _chroma_error(placed, hdr),
            "rendering": self.options.rendering * F.cross_entropy(self.rendering(read.hidden), self.renderings[picked]),
            "camera": self.options.camera * F.binary_cross_entropy_with_logits(read.camera, camera),
        }
        return {"total": torch.stack(list(parts.values())).sum(), **{k: v.detach() for k, v in parts.items()}}

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Dropout, and the certainty of a head that still learns, as it is."""
        predictor = self.tone_predictor
        temperature, predictor.temperature, predictor.dropout = predictor.temperature, 1.0, self.options.dropout
        yield
        predictor.temperature, predictor.dropout = temperature, 0.0

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """PQ-PSNR and Delta-E-ITP, source told and not: eight operators on validation scenes, and pairs held out."""
        figures = _scored(self.tone_predictor, *self._rendered(), 0.0)
        if self.held:
            sdr, hdr = (torch.cat(side) for side in zip(*(self.pairs.whole(p) for p in self.held), strict=True))
            figures |= {f"pairs_{name}": value for name, value in _scored(self.tone_predictor, sdr, hdr, 1.0).items()}
        return figures

    def _rendered(self) -> tuple[Tensor, Tensor]:
        """Validation scenes through each operator: SDR and HDR [N,3,S,S]."""
        scenes = [p for p in self.unseen if p.hdr is not None and p.kind not in ("pair", "graded")]
        count = max(1, self.config.validation_count // len(scenes))
        masters = torch.cat([_masters(scene, count) for scene in scenes])
        sdr = torch.cat([render_standard(masters, operator) for operator in OPERATORS])
        return sdr, masters.repeat(len(OPERATORS), 1, 1, 1)

    @torch.no_grad()
    def pictures(self) -> dict[str, Image.Image]:
        """SDR by four operators, its placement and the reference, tone-mapped (BT.2390 to 203 cd/m2)."""
        scene = next(p for p in self.unseen if p.hdr is not None)
        hdr = _masters(scene, 1).expand(4, -1, -1, -1)
        sdr = torch.cat([render_standard(hdr[:1], operator) for operator in list(OPERATORS)[::2]]).to(self.device)

        def page(hdr_pq: Tensor) -> Tensor:
            return bt2390.sdr_from_hdr(pq.eotf(hdr_pq), master_peak=1000.0, target_peak=203.0)

        return {"placed": grid([sdr, page(self.tone_predictor(sdr, self.tone_predictor.predict(sdr))), page(hdr)])}

    def finish(self, out: Path) -> None:
        write_tensors(self.tone_predictor.state_dict(), out / RESULT, {"stage": "anchor"})


def _signal(codes: Tensor, scale: int) -> Tensor:
    return codes.float() / scale


def _rows(codes: Tensor, picked: Tensor) -> Tensor:
    """Rows of uint16, which torch does not index."""
    return codes.view(torch.int16)[picked].view(torch.uint16)


def _split(codes: Tensor) -> list[Tensor]:
    return [part.view(torch.uint16) for part in codes.view(torch.int16).split(_AT_ONCE)]


def _masters(scene: TonePictures, count: int) -> Tensor:
    assert scene.hdr is not None
    return at_exposure(torch.from_numpy(scene.hdr[:count].astype("float32") / FULL_SCALE), 0.0)


def _chroma_error(placed: Tensor, hdr: Tensor) -> Tensor:
    """How far the mean chroma of pictures is off, in shares of the reference's: doubt must not turn colour grey."""

    def chroma(signal: Tensor) -> Tensor:
        return (ictcp.rgb_to_ictcp(pq.eotf(signal))[:, 1:].square().sum(1) + 1e-8).sqrt().flatten(1).mean(1)

    wanted = chroma(hdr)
    return ((chroma(placed) - wanted) / (wanted + 0.01)).mean().abs()


def _scored(predictor: TonePredictor, sdr: Tensor, hdr: Tensor, camera: float) -> dict[str, float]:
    device, figures = predictor.line.device, {}
    for name, told in (("told", camera), ("auto", None)):
        out = torch.cat([predictor(x, predictor.predict(x, told)).cpu() for x in sdr.to(device).split(_AT_ONCE)])
        figures[f"pq_psnr_{name}"] = float(-10 * (out - hdr).square().mean(dim=(1, 2, 3)).log10().mean())
        figures[f"delta_e_itp_{name}"] = float(ictcp.delta_e_itp(pq.eotf(out), pq.eotf(hdr)).mean())
    return figures
