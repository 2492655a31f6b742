"""The light anchor: an extension of the method that places the frame in light before the bridge begins.

The paper's bridge begins at the SDR picture's own latents. Which light its codes stood for is then the transformer's to
find, token by token, although it is one fact of the frame: how it was tone-mapped. The anchor reads that fact from the
distribution of codes and places the frame by one monotone curve and one colour matrix; the bridge begins there. Off
(``anchor_bins`` 0) in every published configuration.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.color import bt1886, pq
from lumaflux.color.placement import static_placement
from lumaflux.color.primaries import BT709, BT2020, BT2020_LUMA, apply_matrix, luminance, rgb_to_rgb
from lumaflux.model.anchor_cues import LENGTH, distribution, thumbnail
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.precision import full_precision
from lumaflux.model.spline import MINIMUM, PEAK_PQ, Knots, apply_spline, knots_from_logits

_BT709_TO_BT2020 = rgb_to_rgb(BT709, BT2020)
_WHITE_NITS = 203.0
_WHITE_PQ = float(pq.inverse_eotf(torch.tensor(_WHITE_NITS, dtype=torch.float64)))
_TOP_LOGIT = 1.2  # sigmoid(1.2) PQ(1000) is PQ(203): at initialisation white lies at reference white
_LARGEST_FLOOR = 0.12  # PQ
_LARGEST_MIXTURE = 0.15  # of a colour channel into another
_BAND_PIXELS = 1 << 21  # larger frames are placed in bands of rows, which bounds memory
_FLOOR = 1e-6  # of relative light and of cd/m2, before powers


@dataclass(frozen=True, kw_only=True)
class Placement:
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


class LightAnchor(nn.Module):
    """Predicts a frame's ``Placement`` and applies it. Always float32."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.bins = config.anchor_bins
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
        self.head = nn.Linear(widths.hidden, 3 * self.bins + 1 + 9)
        with torch.no_grad():
            nn.init.normal_(self.head.weight, std=1e-3)
            nn.init.zeros_(self.head.bias)
            self.head.bias[2 * self.bins : 3 * self.bins + 1] = math.log(math.expm1(1 - MINIMUM))

    @full_precision
    def predict(self, sdr: Tensor) -> Placement:
        """SDR [B,3,H,W] in [0,1] -> its placement."""
        seen = distribution(sdr.float())
        features = self.thumbnail(thumbnail(sdr.float())).flatten(2)
        seen = torch.cat([seen, self.norm(seen), features.mean(2), features.amax(2)], dim=1)
        hidden = self.hidden(F.dropout(seen, self.dropout, self.dropout > 0))
        logits, rest = self.head(F.dropout(hidden, self.dropout, self.dropout > 0)).split([3 * self.bins + 1, 9], dim=1)
        mixture = _LARGEST_MIXTURE * rest[:, 3:].tanh().view(-1, 3, 2)
        mixture = torch.cat([mixture, -mixture.sum(2, keepdim=True)], dim=2)
        return Placement(
            knots=knots_from_logits(logits, self.bins),
            floor=_LARGEST_FLOOR * rest[:, 1].tanh(),
            top=PEAK_PQ * (rest[:, 0] + _TOP_LOGIT).sigmoid(),
            by_channel=rest[:, 2].sigmoid(),
            matrix=torch.eye(3, device=sdr.device) + mixture,
        )

    @full_precision
    def forward(self, sdr: Tensor, placement: Placement) -> Tensor:
        """SDR [B,3,H,W] in [0,1], any part of the frame -> PQ/BT.2020 [B,3,H,W] in [0, PQ(1000 nit)]."""
        rows = max(1, _BAND_PIXELS // sdr.shape[-1])
        return torch.cat([_place(band.float(), placement) for band in sdr.split(rows, dim=-2)], dim=-2)


def light_of(start: Tensor, *, anchored: bool) -> Tensor:
    """The picture that the bridge begins at [B,3,H,W], SDR or, ``anchored``, PQ -> its light as PQ/BT.2020."""
    return start.clamp(0, PEAK_PQ) if anchored else static_placement(start.clamp(0, 1))


def curve_table(placement: Placement, entries: int) -> Tensor:
    """Each frame's curve as PQ [B,entries] over BT.1886 signals from 0 to 1 in equal steps."""
    signals = torch.linspace(0, 1, entries, device=placement.top.device)
    return _curve(signals.expand(placement.top.shape[0], 1, 1, entries), placement)[:, 0, 0]


def _place(sdr: Tensor, placement: Placement) -> Tensor:
    linear = apply_matrix(_BT709_TO_BT2020, bt1886.eotf(sdr, white_nits=1.0)).clamp(0, 1)
    y = luminance(linear, BT2020_LUMA)
    y_nits = pq.eotf(_curve(bt1886.inverse_eotf(y.clamp(min=_FLOOR), white_nits=1.0), placement))
    by_luminance = linear * (y_nits / y.clamp(min=_FLOOR))
    by_channel = apply_matrix(_BT709_TO_BT2020, pq.eotf(_curve(sdr, placement)))
    share = placement.by_channel.view(-1, 1, 1, 1)
    placed = torch.lerp(_pq(by_luminance), _pq(by_channel), share)
    return torch.einsum("bij,bjhw->bihw", placement.matrix, placed).clamp(0, PEAK_PQ)


def _curve(signal: Tensor, placement: Placement) -> Tensor:
    """A BT.1886 signal [B,C,H,W] in [0,1] through each frame's curve -> PQ. Its abscissa is PQ of light at 203 nit."""
    light = bt1886.eotf(signal, white_nits=1.0).clamp(min=_FLOOR)
    u = (pq.inverse_eotf(_WHITE_NITS * light) / _WHITE_PQ).clamp(0, 1)
    floor, top = (end.view(-1, 1, 1, 1) for end in (placement.floor, placement.top))
    return (floor + (top - floor) * apply_spline(u, placement.knots)).clamp(1e-3, PEAK_PQ)


def _pq(nits: Tensor) -> Tensor:
    return pq.inverse_eotf(nits.clamp(_FLOOR, pq.PQ_PEAK_NITS))
