"""What the tone predictor sees of an SDR frame: how its codes are distributed, and a thumbnail."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import bt1886
from lumaflux.color.primaries import BT709_LUMA, luminance

LUMA_BINS, EXTREME_BINS, CHROMA_BINS = 64, 32, 32
LENGTH = 2 * LUMA_BINS + LUMA_BINS + EXTREME_BINS + 4 * CHROMA_BINS + 6 + 1
AVERAGE_SCALE = 4.0  # stops: the last number of a distribution is the log-average in these
THUMBNAIL = 64  # pixels
_SAMPLES = 288  # a side: more pixels than this squared are thinned out, evenly
_UNIT = 2.0**40  # parts of one pixel's mass; 2^22 pixels stay far below 2^63
_DARKEST = 2.0**-9  # of relative light
_CLIPPED, _CRUSHED = 0.998, 0.002  # of the signal


def thinned(sdr: Tensor) -> Tensor:
    """Every n-th row and column of [B,3,H,W], so that statistics cost the same at any size."""
    height, width = sdr.shape[-2:]
    return sdr[..., :: max(1, height // _SAMPLES), :: max(1, width // _SAMPLES)]


def soft_histogram(values: Tensor, bins: int, weights: Tensor | None = None) -> Tensor:
    """Values [B,N] in [0,1], each shared by the two nearest of ``bins`` levels -> mass (or weight) a level [B,bins].

    Has no gradient: it is asked of source pictures.
    """
    place = values * (bins - 1)
    low = place.floor().clamp(0, bins - 2).long()
    upper = place - low
    mass = torch.ones_like(values) if weights is None else weights
    counts = torch.zeros(len(values), bins, dtype=torch.int64, device=values.device)
    counts.scatter_add_(1, low, _fixed((1 - upper) * mass))
    counts.scatter_add_(1, low + 1, _fixed(upper * mass))
    return (counts / (_UNIT * values.shape[1])).to(values.dtype)


def _fixed(shares: Tensor) -> Tensor:
    """In whole parts, whose sum is the same in any order: on CUDA a scattered sum of floats changes from run to run."""
    return (shares.double() * _UNIT).round().long()


def log_average(sdr: Tensor) -> Tensor:
    """SDR [B,3,H,W] in [0,1] -> mean log2 of luminance [B,1], stops of white; black counts as 9 stops down."""
    light = luminance(bt1886.eotf(thinned(sdr), white_nits=1.0), BT709_LUMA)
    return light.clamp(min=_DARKEST).log2().flatten(1).mean(1, keepdim=True)


def distribution(sdr: Tensor) -> Tensor:
    """SDR [B,3,H,W] in [0,1] -> [B,LENGTH].

    Root histograms of luma, brightest and darkest channel; cumulative luma; mean saturation, R - Y, B - Y and local
    contrast by luma; root shares of clipped and crushed codes a channel; the log-average.
    """
    codes = thinned(sdr).flatten(2)
    picture = luminance(thinned(sdr), BT709_LUMA)
    contrast = F.pad(picture.diff(dim=-1).abs(), (0, 1)) + F.pad(picture.diff(dim=-2).abs(), (0, 0, 0, 1))
    luma = picture.flatten(1)
    high, low = codes.amax(1), codes.amin(1)
    of_luma, by_luma = soft_histogram(luma, LUMA_BINS), soft_histogram(luma, CHROMA_BINS)
    parts = [
        of_luma.sqrt(),
        soft_histogram(high, LUMA_BINS).sqrt(),
        soft_histogram(low, EXTREME_BINS).sqrt(),
        of_luma.cumsum(1),
    ]
    for colour in (high - low, codes[:, 0] - luma, codes[:, 2] - luma, contrast.flatten(1)):
        parts.append(4 * soft_histogram(luma, CHROMA_BINS, colour) / (by_luma + 1e-3))
    ends = torch.cat([(codes > _CLIPPED).float().mean(2), (codes < _CRUSHED).float().mean(2)], dim=1)
    return torch.cat([*parts, ends.sqrt(), log_average(sdr) / AVERAGE_SCALE], dim=1)


def thumbnail(sdr: Tensor) -> Tensor:
    """SDR [B,3,H,W] averaged to a square [B,3,64,64] in [-1,1]; the aspect ratio is ignored."""
    return 2 * F.interpolate(sdr, (THUMBNAIL, THUMBNAIL), mode="area") - 1
