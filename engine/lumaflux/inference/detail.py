"""Detail transfer: the model's light on a reduced frame becomes a gain map for the source's own pixels.

What the network generates is compared with what its autoencoder makes of the frame it began with, so that the loss of
the autoencoder cancels; the ratio, free of detail, is brought to full resolution by a guided filter whose guide is the
source (He and Sun 2015), and multiplies the source's light, as a gain map does (ISO 21496-1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance

OFFSET_NITS = 0.5  # added to both sides of the ratio: shadows take no gain from noise
LARGEST_STOPS = 4.0
_RADIUS = 6  # pixels of the reduced frame
_TOLERANCE = 0.5  # stops squared: guide contrast below its root, as texture has, changes no gain
_GREY = 0.02  # PQ between the largest and the smallest channel, where half of the model's colour is believed
CLIPPING_BEGINS, CLIPPING_WHOLE = 0.95, 0.985  # of the largest SDR code
_BAND_PIXELS = 1 << 20


def gain_map(generated_pq: Tensor, begun_pq: Tensor) -> Tensor:
    """PQ/BT.2020 pictures [B,3,h,w], both out of the autoencoder -> stops [B,3,h,w] from the second to the first."""
    ratio = (pq.eotf(generated_pq) + OFFSET_NITS) / (pq.eotf(begun_pq) + OFFSET_NITS)
    return torch.log2(ratio).clamp(-LARGEST_STOPS, LARGEST_STOPS)


def gain_between(generated_pq: Tensor, begun_pq: Tensor, base_pq: Tensor) -> Tensor:
    """``gain_map`` of both pictures without the colour that they have where the placed source ``base_pq`` is grey."""
    return gain_map(without_tint(generated_pq, base_pq), without_tint(begun_pq, base_pq))


def without_tint(picture_pq: Tensor, base_pq: Tensor) -> Tensor:
    """Takes the model's colour from where the placed source is grey: PQ/BT.2020 pictures [B,3,h,w].

    An exact grey of ``base_pq`` leaves luminance alone, a clear colour everything.
    """
    grey = pq.inverse_eotf(luminance(pq.eotf(picture_pq), BT2020_LUMA))
    return torch.lerp(grey.expand_as(picture_pq), picture_pq, colour_share(base_pq))


def colour_share(base_pq: Tensor) -> Tensor:
    """How far the model's colour is believed on a placed source [B,3,h,w]: [B,1,h,w], 0 where that is grey."""
    spread = base_pq.amax(dim=1, keepdim=True) - base_pq.amin(dim=1, keepdim=True)
    return spread * spread / (spread * spread + _GREY * _GREY)


def guide_of(base_pq: Tensor) -> Tensor:
    """Log luminance [B,1,H,W] of a PQ/BT.2020 picture, in stops."""
    return torch.log2(luminance(pq.eotf(base_pq), BT2020_LUMA) + OFFSET_NITS)


@dataclass(frozen=True, kw_only=True)
class GuidedFilter:
    """In every neighbourhood of the reduced frame the gain is a line of the guide: both [B,3,h,w]."""

    slope: Tensor
    level: Tensor

    def of(self, guide: Tensor) -> Tensor:
        """The gain [B,3,h,w] that the lines give to a guide [B,1,h,w] of their own size."""
        return self.slope * guide + self.level


def guided_filter(gain: Tensor, guide: Tensor) -> GuidedFilter:
    """Stops [B,3,h,w] and their guide [B,1,h,w] -> the lines between them, averaged over each neighbourhood."""
    mean_guide, mean_gain = _around(guide), _around(gain)
    variance = (_around(guide * guide) - mean_guide**2).clamp(min=0)
    slope = (_around(guide * gain) - mean_guide * mean_gain) / (variance + _TOLERANCE)
    level = mean_gain - slope * mean_guide
    return GuidedFilter(slope=_around(slope), level=_around(level))


def _around(picture: Tensor) -> Tensor:
    """Mean over a square of ``_RADIUS``, replicated borders; less where the picture is smaller."""
    for dimension, size in ((-2, picture.shape[-2]), (-1, picture.shape[-1])):
        radius = min(_RADIUS, size - 1)
        if radius:
            padding = (0, 0, radius, radius) if dimension == -2 else (radius, radius, 0, 0)
            window = (2 * radius + 1, 1) if dimension == -2 else (1, 2 * radius + 1)
            picture = F.avg_pool2d(F.pad(picture, padding, mode="replicate"), window, stride=1)
    return picture


def clipping(sdr: Tensor) -> Tensor:
    """How clipped the source is: SDR [B,3,H,W] in [0,1] -> [B,1,H,W] from 0 to 1, soft at its edges."""
    largest = sdr.amax(dim=1, keepdim=True)
    t = ((largest - CLIPPING_BEGINS) / (CLIPPING_WHOLE - CLIPPING_BEGINS)).clamp(0, 1)
    hard = t * t * (3 - 2 * t)
    radius = min(2, *(side - 1 for side in sdr.shape[-2:]))
    if radius < 1:
        return hard
    return F.avg_pool2d(F.pad(hard, (radius,) * 4, mode="replicate"), 2 * radius + 1, stride=1)


def reduced_size(height: int, width: int, pixels: int) -> tuple[int, int]:
    """Rows and columns of about ``pixels``, the aspect ratio kept; the picture's own where it has no more but for what
    rounding adds, so that a reduced picture is not reduced again."""
    if (height - 0.5) * (width - 0.5) <= pixels:
        return height, width
    scale = (pixels / (height * width)) ** 0.5
    return max(1, round(scale * height)), max(1, round(scale * width))


def reduce_to(picture: Tensor, pixels: int) -> Tensor:
    """[B,3,H,W] averaged to about ``pixels``, the aspect ratio kept; as it is where it has no more."""
    size = reduced_size(picture.shape[-2], picture.shape[-1], pixels)
    if size == picture.shape[-2:]:
        return picture
    return _averaged(picture, size)


def reduce_rows(rows_of: Callable[[int, int], Tensor], height: int, width: int, pixels: int) -> Tensor:
    """``reduce_to``, bit for bit on a CPU, of a picture [B,C,height,width] whose rows ``rows_of(top, bottom)`` makes:
    columns are averaged first there, so that no more than a band of rows is held of it."""
    size, rows = reduced_size(height, width, pixels), max(1, _BAND_PIXELS // width)
    if rows >= height or size == (height, width):
        return reduce_to(rows_of(0, height), pixels)
    narrow = []
    for top in range(0, height, rows):
        band = rows_of(top, min(top + rows, height))
        narrow.append(_averaged(band, (band.shape[-2], size[1])))
    return _averaged(torch.cat(narrow, dim=-2), size)


def _averaged(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(picture, size, mode="bilinear", align_corners=False, antialias=True)


def enlarge(picture_pq: Tensor, size: tuple[int, int]) -> Tensor:
    """PQ [B,3,h,w] -> [B,3,H,W] of ``size``, bicubic; as it is where it has that size."""
    if picture_pq.shape[-2:] == size:
        return picture_pq
    return F.interpolate(picture_pq, size, mode="bicubic", align_corners=False).clamp(0, 1)
