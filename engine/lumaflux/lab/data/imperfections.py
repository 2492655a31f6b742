"""What happens to SDR once it is rendered: grading errors, another encoding, sharpening; each for a share of them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import bt1886, srgb
from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from lumaflux.lab.data.draws import rand, uniform

HUE_DEGREES = 6.0  # the largest turn of Cb and Cr


def quantize(sdr: Tensor) -> Tensor:
    """To 8 bits, full range."""
    return (sdr * 255).round() / 255


def saturation_and_black(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """Saturation 0.8 to 1.2 and black 0.02 too low to 0.03 too high: [B,3,H,W]."""
    column = (len(sdr), 1, 1, 1)
    luma = luminance(sdr, BT709_LUMA)
    graded = luma + (sdr - luma) * uniform(column, 0.8, 1.2, generator)
    black = uniform(column, -0.02, 0.03, generator)
    return (black + graded * (1 - black)).clamp(0, 1)


def hue_turn(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """Turns Cb and Cr by up to ``HUE_DEGREES`` either way."""
    angle = uniform((len(sdr), 1, 1), -HUE_DEGREES, HUE_DEGREES, generator).deg2rad()
    y, cb, cr = rgb_to_ycbcr(sdr, BT709_LUMA).unbind(1)
    cosine, sine = angle.cos(), angle.sin()
    turned = torch.stack([y, cosine * cb - sine * cr, sine * cb + cosine * cr], dim=1)
    return ycbcr_to_rgb(turned, BT709_LUMA).clamp(0, 1)


def srgb_encoding(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """The same light, encoded with the sRGB curve but read as BT.1886, as untagged pictures are."""
    return srgb.inverse_eotf(bt1886.eotf(sdr, white_nits=1.0)).clamp(0, 1)


def sharpening(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """An unsharp mask of luma, strength 0.2 to 1."""
    luma = luminance(sdr, BT709_LUMA)
    blurred = F.avg_pool2d(F.pad(luma, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    strength = uniform((len(sdr), 1, 1, 1), 0.2, 1.0, generator)
    return (sdr + strength * (luma - blurred)).clamp(0, 1)


SHARES = ((saturation_and_black, 0.5), (hue_turn, 0.2), (srgb_encoding, 0.15), (sharpening, 0.2))


def imperfections(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """Each error for its share of the pictures, then 8 bits: [B,3,H,W] in [0,1]."""
    for error, share in SHARES:
        chosen = rand((len(sdr), 1, 1, 1), generator) < share
        sdr = torch.where(chosen, error(sdr, generator), sdr)
    return quantize(sdr)
