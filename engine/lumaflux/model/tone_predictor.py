"""The tone predictor: an extension of the method that places the frame in light before the bridge begins.

The paper's bridge begins at the SDR picture's own latents. Which light its codes stood for is then the transformer's to
find, token by token, although it is one fact of the frame: how it was tone-mapped. The predictor reads that fact from
the distribution of codes and places the frame by one monotone curve and one colour matrix; the bridge begins there. Off
(``tone_bins`` 0) in every published configuration.

The curve is static placement (white at 203 cd/m2) times a bounded gain. Its exposure is a line in the SDR's own
log-average plus a bounded residual, so that a doubting model falls back on what the picture itself says, never on a
constant. Its slope is bounded, most of all near white, where codes are noise: highlights are for the path that sees
where they lie.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import BT709, BT2020, BT2020_LUMA, apply_matrix, luminance, rgb_to_rgb
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.precision import full_precision
from lumaflux.model.spline import PEAK_PQ, Knots, apply_spline
from lumaflux.model.tone_cues import AVERAGE_SCALE, LENGTH, distribution, thumbnail

_BT709_TO_BT2020 = rgb_to_rgb(BT709, BT2020)
_WHITE_NITS = 203.0
_WHITE_PQ = float(pq.inverse_eotf(torch.tensor(_WHITE_NITS, dtype=torch.float64)))
_LARGEST_RESIDUAL = 2.0  # stops of exposure beside the line
_STEEPEST, _STEEPEST_AT_WHITE = 2.6, 1.7  # stops a stop; as flat as their inverses
_NEAR_WHITE = -1.5  # stops below white: segments that begin above it
_PIVOT = -2.5  # stops below white: the tone that the exposure speaks of, about mid-grey
_CAP = 0.008  # PQ: how softly the curve meets the peak
_LEAST_RISE = 1e-4  # PQ a knot
_LARGEST_MIXTURE = 0.15  # of a colour channel into another
_BAND_PIXELS = 1 << 21  # larger frames are placed in bands of rows, which bounds memory
_FLOOR = 1e-6  # of relative light and of cd/m2, before powers
_TEMPERATURE = 0.5  # of the head of the kind: found on left-out pictures (lumaflux.lab.training.kind_temperature)


@dataclass(frozen=True, kw_only=True)
class ToneCurve:
    """One frame's curve and colour: ``knots`` on the unit square; ``floor`` and ``top``, PQ of the curve's ends [B];
    ``by_channel`` [B] in [0,1], 0 applies it to luminance, 1 to each channel; ``matrix`` [B,3,3] on PQ R'G'B', whose
    rows sum to 1, so that grey stays grey."""

    knots: Knots
    floor: Tensor
    top: Tensor
    by_channel: Tensor
    matrix: Tensor


class _Widths(NamedTuple):
    thumbnail: tuple[int, ...] = (24, 48, 64, 96)
    hidden: int = 256
    tone: int = 160


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the predictor says of a frame [B]: its ``placement``, ``camera``, the logit that its source is camera
    material and not a graded master, ``residual``, stops of exposure beside the line, and ``hidden`` [B,n], what it was
    said by; and what ``placed`` made ``placement`` of: ``tone`` [B,m], ``share`` and ``average`` [B,1]."""

    placement: ToneCurve
    camera: Tensor
    residual: Tensor
    hidden: Tensor
    tone: Tensor
    share: Tensor
    average: Tensor


class TonePredictor(nn.Module):
    """Predicts a frame's ``ToneCurve`` and applies it. Always float32."""

    levels: Tensor  # stops below white of the curve's knots but for the first, which is black [bins]

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.bins, self.pivot = config.tone_bins, _PIVOT
        widths = _Widths()
        stages, channels = [], 3
        for width in widths.thumbnail:
            stages += [nn.Conv2d(channels, width, 3, 2, 1), nn.GroupNorm(4, width), nn.SiLU()]
            channels = width
        self.thumbnail = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(LENGTH)
        self.dropout = 0.0  # of what it sees and of its hidden layer; its own training sets it
        seen = 2 * LENGTH + 2 * channels
        self.hidden = nn.Sequential(
            nn.Linear(seen, widths.hidden), nn.SiLU(), nn.Linear(widths.hidden, widths.hidden), nn.SiLU()
        )
        self.camera = nn.Linear(widths.hidden, 1)
        self.temperature = _TEMPERATURE  # its own training sets it to 1
        self.by_kind = nn.Sequential(nn.Linear(2 * widths.hidden + 1, widths.tone), nn.SiLU())
        self.head = nn.Linear(widths.tone, 1 + (self.bins - 1) + 1 + 6)
        self.line = nn.Parameter(torch.zeros(2, 2))  # of graded masters and cameras: stops, stops a stop
        knots = torch.arange(1, self.bins + 1, dtype=torch.float64) / self.bins * _WHITE_PQ
        self.register_buffer("levels", torch.log2(pq.eotf(knots) / _WHITE_NITS).float(), persistent=False)
        below = np.log2(pq.eotf(np.arange(1, self.bins + 1) / self.bins * _WHITE_PQ) / _WHITE_NITS)
        self._pivot = int(np.abs(below - _PIVOT).argmin())  # found once: of a device's tensor the host would wait
        with torch.no_grad():
            nn.init.normal_(self.head.weight, std=1e-3)
            nn.init.zeros_(self.head.bias)

    def predict(self, sdr: Tensor, camera: Tensor | float | None = None) -> ToneCurve:
        """SDR [B,3,H,W] in [0,1] -> its placement; ``camera`` as ``read`` takes it."""
        return self.read(sdr, camera).placement

    @full_precision
    def read(self, sdr: Tensor, camera: Tensor | float | None = None, seen: Tensor | None = None) -> Reading:
        """SDR [B,3,H,W] in [0,1] -> what the predictor says of it. ``camera``, in [0,1] [B] or one for all: the source
        is camera material (1), a graded master (0), or as likely as that; None, or NaN for a frame, leaves it to the
        predictor's own head. ``seen``: the frames' ``distribution``, where it is known already.
        """
        sdr = sdr.float()
        seen = distribution(sdr) if seen is None else seen
        average = AVERAGE_SCALE * seen[:, -1:]
        features = self.thumbnail(thumbnail(sdr)).flatten(2)
        seen = torch.cat([seen, self.norm(seen), features.mean(2), features.amax(2)], dim=1)
        hidden = self.hidden(F.dropout(seen, self.dropout, self.dropout > 0))
        logit = self.camera(hidden)
        told = torch.as_tensor(math.nan if camera is None else camera).to(logit).expand(len(sdr)).view(-1, 1)
        share = torch.where(told.isnan(), (logit / self.temperature).sigmoid(), told.nan_to_num())
        toned = F.dropout(hidden, self.dropout, self.dropout > 0)
        tone = self.by_kind(torch.cat([share * toned, (1 - share) * toned, share], dim=1))
        placement, residual = self.placed(tone, share, average)
        return Reading(
            placement=placement,
            camera=logit[:, 0],
            residual=residual,
            hidden=hidden,
            tone=tone,
            share=share,
            average=average,
        )

    def placed(self, tone: Tensor, share: Tensor, average: Tensor) -> tuple[ToneCurve, Tensor]:
        """The last layer, which a look trains: features [B,m], camera share and log-average [B,1] -> the placement, and
        stops of exposure beside the line [B]."""
        raw = self.head(tone)
        residual, slopes, mix, colour = raw.split([1, self.bins - 1, 1, 6], dim=1)
        residual = _LARGEST_RESIDUAL * (residual / _LARGEST_RESIDUAL).tanh()
        line = torch.lerp(self.line[0], self.line[1], share)
        exposure = line[:, :1] + line[:, 1:] * (average - _PIVOT) + residual
        mixture = _LARGEST_MIXTURE * colour.tanh().view(-1, 3, 2)
        mixture = torch.cat([mixture, -mixture.sum(2, keepdim=True)], dim=2)
        knots, top = self._curve(exposure, slopes)
        placement = ToneCurve(
            knots=knots,
            floor=torch.zeros_like(top),
            top=top,
            by_channel=mix[:, 0].sigmoid(),
            matrix=torch.eye(3, device=tone.device) + mixture,
        )
        return placement, residual[:, 0]

    def _curve(self, exposure: Tensor, slopes: Tensor) -> tuple[Knots, Tensor]:
        """Stops over static placement at the pivot [B,1] and raw slopes [B,bins-1] -> knots, and PQ of white [B]."""
        steepest = torch.where(self.levels[:-1] > _NEAR_WHITE, _STEEPEST_AT_WHITE, _STEEPEST).log()
        rises = (steepest * slopes.tanh()).exp() * self.levels.diff()
        above = F.pad(rises.cumsum(1), (1, 0))
        pivot = self._pivot
        stops = self.levels[pivot] + exposure + above - above[:, pivot : pivot + 1]
        level = pq.inverse_eotf((_WHITE_NITS * torch.exp2(stops)).clamp(_FLOOR, pq.PQ_PEAK_NITS))
        capped = -_CAP * torch.logaddexp(-level / _CAP, torch.full_like(level, -PEAK_PQ / _CAP))
        capped = capped + _LEAST_RISE * torch.arange(1, self.bins + 1, device=level.device)
        return knots_through(F.pad(capped, (1, 0)).clamp(max=PEAK_PQ + 1))

    @full_precision
    def forward(self, sdr: Tensor, placement: ToneCurve) -> Tensor:
        """SDR [B,3,H,W] in [0,1], any part of the frame -> PQ/BT.2020 [B,3,H,W] in [0, PQ(1000 nit)]."""
        rows = max(1, _BAND_PIXELS // sdr.shape[-1])
        return torch.cat([place(band.float(), placement) for band in sdr.split(rows, dim=-2)], dim=-2)


def knots_through(level: Tensor) -> tuple[Knots, Tensor]:
    """PQ that rises from 0 [B,bins+1], at equal steps of the abscissa -> a curve through it, and PQ of its end [B]."""
    bins = level.shape[1] - 1
    y = level / level[:, -1:]
    secants = y.diff(dim=1) * bins
    inner = 2 / (1 / secants[:, 1:] + 1 / secants[:, :-1])  # harmonic: no overshoot
    x = torch.linspace(0, 1, bins + 1, device=y.device).expand_as(y)
    derivatives = torch.cat([secants[:, :1], inner, secants[:, -1:]], dim=1)
    return Knots(x=x, y=y, derivatives=derivatives), level[:, -1].clamp(max=PEAK_PQ)


def static_curve(placement: ToneCurve) -> ToneCurve:
    """Static placement at reference white, with as many knots as ``placement`` has."""
    x = torch.linspace(0, 1, placement.knots.x.shape[1], device=placement.top.device).expand_as(placement.knots.x)
    return replace(
        placement,
        knots=Knots(x=x, y=x, derivatives=torch.ones_like(x)),
        floor=torch.zeros_like(placement.floor),
        top=torch.full_like(placement.top, _WHITE_PQ),
        matrix=torch.eye(3, device=placement.matrix.device).expand_as(placement.matrix),
    )


def start_to_pq(start: Tensor, *, is_pq: bool) -> Tensor:
    """The picture that the bridge begins at [B,3,H,W], SDR or, ``is_pq``, PQ -> its light as PQ/BT.2020."""
    return start.clamp(0, PEAK_PQ) if is_pq else sdr_to_pq(start.clamp(0, 1))


def curve_table(placement: ToneCurve, entries: int) -> Tensor:
    """Each frame's curve as PQ [B,entries] over BT.1886 signals from 0 to 1 in equal steps."""
    signals = torch.linspace(0, 1, entries, device=placement.top.device)
    return _curve(signals.expand(placement.top.shape[0], 1, 1, entries), placement)[:, 0, 0]


def place(sdr: Tensor, placement: ToneCurve) -> Tensor:
    linear = apply_matrix(_BT709_TO_BT2020, bt1886.eotf(sdr, white_nits=1.0)).clamp(0, 1)
    y = luminance(linear, BT2020_LUMA)
    y_nits = pq.eotf(_curve(bt1886.inverse_eotf(y.clamp(min=_FLOOR), white_nits=1.0), placement))
    by_luminance = linear * (y_nits / y.clamp(min=_FLOOR))
    by_channel = apply_matrix(_BT709_TO_BT2020, pq.eotf(_curve(sdr, placement)))
    share = placement.by_channel.view(-1, 1, 1, 1)
    placed = torch.lerp(_pq(by_luminance), _pq(by_channel), share)
    return torch.einsum("bij,bjhw->bihw", placement.matrix, placed).clamp(0, PEAK_PQ)


def _curve(signal: Tensor, placement: ToneCurve) -> Tensor:
    """A BT.1886 signal [B,C,H,W] in [0,1] through each frame's curve -> PQ. Its abscissa is PQ of light at 203 nit."""
    light = bt1886.eotf(signal, white_nits=1.0).clamp(min=_FLOOR)
    u = (pq.inverse_eotf(_WHITE_NITS * light) / _WHITE_PQ).clamp(0, 1)
    floor, top = (end.view(-1, 1, 1, 1) for end in (placement.floor, placement.top))
    return (floor + (top - floor) * apply_spline(u, placement.knots)).clamp(1e-3, PEAK_PQ)


def _pq(nits: Tensor) -> Tensor:
    return pq.inverse_eotf(nits.clamp(_FLOOR, pq.PQ_PEAK_NITS))
