"""SDR and HDR as phones and photo editors pair them: the HDR rendition is the SDR times a gain that grows with tone.

The law was measured on author-made pairs (gain maps): none in shadows, one stop two stops below white, two to three and
a half at white, about half of it by region and not by pixel. ``relit`` makes HDR of SDR by it, ``render_author`` SDR of
HDR; ``render_hlg`` is what an SDR display makes of an HLG signal. Batched, in torch: pictures of a batch share a law,
which the host draws.
"""

import torch
from torch import Tensor

from lumaflux.color import bt1886, hlg, pq, srgb
from lumaflux.color.primaries import BT709, BT2020, BT2020_LUMA, apply_matrix, luminance, rgb_to_rgb
from lumaflux.lab.data.draws import host_of, number
from lumaflux.lab.data.local_rendering import guided_base
from lumaflux.lab.data.mastering import shoulder

WHITE_NITS = 203.0
_TONES = (-12.0, -4.5, -3.0, -2.0, -1.0, -0.5, 0.0)  # stops of SDR white
_GAINS = (0.0, 0.0, 0.3, 0.9, 1.6, 2.1, 2.5)  # stops
_FLOOR = 2.0**-12


def _interpolated(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Piecewise linear through (x, y), both rising; straight on beyond the ends."""
    x, y = x.to(values.device), y.to(values.device)
    place = torch.searchsorted(x, values.contiguous()).clamp(1, len(x) - 1)
    x0, x1, y0, y1 = x[place - 1], x[place], y[place - 1], y[place]
    return y0 + (values - x0) * (y1 - y0) / (x1 - x0)


def _law(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stops of SDR white, and stops of the HDR rendition: one author's curve."""
    generator, tones = host_of(generator), torch.tensor(_TONES)
    gains = torch.tensor(_GAINS) * torch.exp2(0.35 * torch.randn((), generator=generator))
    gains = gains * torch.exp2(0.15 * torch.randn(len(gains), generator=generator))
    shift = 0.25 * float(torch.randn((), generator=generator)) * (torch.rand((), generator=generator) < 0.4)
    bright = (tones + gains.cummax(0).values + shift).cummax(0).values
    return tones, bright + 1e-3 * torch.arange(len(tones))


def _parts(log_y: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """Region of each pixel [B,1,H,W] and the weight of regions."""
    radius = max(1, int(number(0.02, 0.12, generator) * min(log_y.shape[-2:])))
    return guided_base(log_y, radius, 0.25), number(0.3, 0.75, generator)


def relit(sdr_linear: Tensor, generator: torch.Generator) -> Tensor:
    """Relative BT.709 light [1,3,H,W], white 1 -> PQ/BT.2020 of an author's HDR rendition, at most PQ(1000)."""
    light = apply_matrix(rgb_to_rgb(BT709, BT2020), sdr_linear).clamp(min=0)
    log_y = luminance(light, BT2020_LUMA).clamp(min=_FLOOR).log2()
    tones, bright = _law(generator)
    region, weight = _parts(log_y, generator)
    gain = torch.lerp(
        _interpolated(log_y, tones, bright) - log_y, _interpolated(region, tones, bright) - region, weight
    )
    return pq.inverse_eotf(shoulder(WHITE_NITS * light * torch.exp2(gain.clamp(-0.5, 4.5))))


def _encoded(linear: Tensor, generator: torch.Generator) -> Tensor:
    """BT.1886 signal of what photographs carry as 8-bit sRGB; the product reads them so."""
    codes = (srgb.inverse_eotf(linear.clamp(0, 1)) * 255).round() / 255
    return bt1886.inverse_eotf(srgb.eotf(codes), white_nits=1.0)


def render_author(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """A PQ/BT.2020 master [1,3,H,W] -> the SDR signal whose HDR rendition it is by an author's law."""
    light = pq.eotf(hdr_pq) / WHITE_NITS
    log_h = luminance(light, BT2020_LUMA).clamp(min=_FLOOR).log2()
    tones, bright = _law(generator)
    region, weight = _parts(log_h, generator)
    gain = torch.lerp(
        log_h - _interpolated(log_h, bright, tones), region - _interpolated(region, bright, tones), weight
    )
    return _encoded(apply_matrix(rgb_to_rgb(BT2020, BT709), light * torch.exp2(-gain.clamp(-1, 5))), generator)


def render_hlg(hdr_pq: Tensor, generator: torch.Generator) -> Tensor:
    """A PQ/BT.2020 master [1,3,H,W] -> the HLG signal's SDR: shown as it is, or scaled with white at 75 % (BT.2408)."""
    light = (pq.eotf(hdr_pq) / 1000).clamp(0, 1)
    y = luminance(light, BT2020_LUMA).clamp(min=1e-7)
    signal = hlg.oetf(light * y ** (1 / 1.2 - 1))
    white = number(0.75, 1.1, generator)
    shown = bt1886.eotf((signal / white).clamp(0, 1.2), white_nits=1.0)
    linear = apply_matrix(rgb_to_rgb(BT2020, BT709), shown).clamp(0, 1)
    return bt1886.inverse_eotf(linear, white_nits=1.0)
