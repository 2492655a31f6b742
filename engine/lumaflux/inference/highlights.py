"""Highlights: the light that the transformer finds where the source is clipped, as stops over the placed source.

What it generates there is compared with what the autoencoder makes of where the bridge began. The ratio is luminance's
alone, so grey stays grey; it only brightens, up to the master's peak, and is carried a few pixels outwards, so that the
source's own edges cut it out at full resolution, without a rim.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import bt1886, pq
from lumaflux.color.clipping import CLIPPED_CODE, share_of_gain
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA, luminance
from lumaflux.inference.detail import OFFSET_NITS
from lumaflux.model.spline import PEAK_NITS
from lumaflux.settings import Settings

LARGEST_RECOVERY = 3.0  # stops
_OWN_SHARE = 0.5  # of a reduced pixel: where more of it is clipped, its stops are its own
_STEADY = 5  # reduced pixels on a side: over what is clipped among them, stops are averaged
_LIGHT, _WHITE = 0.12, 0.30  # of the frame clipped: what training saw at most, and where nothing is added any more
_REACH = 3  # reduced pixels that stops are carried beyond clipped areas
_DOME = 0.25  # of a region's stops, for each doubling of the distance to its edge
_FAINT = 0.3  # stops: what is less is taken less
_TELLS = 0.96  # code of the smallest channel: below, it tells how bright a clipped pixel is
_RAISED = 1.5  # stops are multiplied by this where none does
_OPEN = 0.8  # code of a channel: below, it tells all of its light; from there to clipping less and less
_DARK = 1e-5  # relative light: a channel of code 0 has this much
_STEEP = 0.2  # stops below clipping, beside a clipped area: from where on it may be a stop lighter, or more
_CLIMB = 0.07  # stops: how much more it may be for every reduced pixel further inside
_HIGHEST, _REGION = 16, 15  # pixels from the edge where a dome is flat; a side of what counts as a region


def placed_stops(stops: Tensor, clipped: Tensor, white_pq: Tensor) -> Tensor:
    """Stops [B,1,h,w] that were carried outwards, of this frame or between key frames, as its pixels take them:
    [B,3,h,w], >= 0, by how clipped they are, [B,1,h,w]. ``white_pq`` [B,3,1,1]: where the source's largest code is
    placed; with the stops, none is above 1000 cd/m2."""
    return (trusted(clipped) * bounded(stops, white_pq)).expand(-1, 3, -1, -1)


def trusted(clipped: Tensor) -> Tensor:
    """Clipped shares [B,1,h,w] of a frame's pixels -> how far its stops are taken: [B,1,1,1] in [0,1].

    The transformer learned from pictures of which up to an eighth is clipped. What fills much of a frame is a page, a
    studio's background or an overexposed sky more often than a light: it stays where the tone curve puts white.
    """
    share = clipped.mean(dim=(2, 3), keepdim=True)
    return ((_WHITE - share) / (_WHITE - _LIGHT)).clamp(0, 1)


def stops_between(generated_pq: Tensor, begun_pq: Tensor) -> Tensor:
    """Luminance of the first over that of the second, PQ/BT.2020 [B,3,h,w] -> stops [B,1,h,w]."""
    first, second = (luminance(pq.eotf(picture), BT2020_LUMA) + OFFSET_NITS for picture in (generated_pq, begun_pq))
    return torch.log2(first / second)


def mean_of_views(stops: Tensor, picture: Tensor, stride: int, find: Callable[[Tensor], Tensor]) -> Tensor:
    """Stops [B,1,h,w] of pictures [B,3,h,w], and those that ``find`` finds in their second view, as one mean.

    The second view is the mirror image, moved down and to the right by half of a latent, whose side is ``stride``
    pixels: the same to an eye, but other latents to the transformer, which errs in other places there.
    """
    moved = stride // 2
    view = F.pad(picture.flip(-1), (moved, 0, moved, 0), mode="replicate")
    return (stops + find(view)[..., moved:, moved:].flip(-1)) / 2


def bounded(stops: Tensor, white_pq: Tensor) -> Tensor:
    """Stops [B,1,h,w] between none and what leads from white [B,3,1,1], PQ, to the peak."""
    room = torch.log2(PEAK_NITS / pq.eotf(white_pq).amax(dim=1, keepdim=True)).clamp(0, LARGEST_RECOVERY)
    return stops.clamp(min=0).minimum(room)


def region_stops(stops: Tensor, sdr: Tensor, clipped: Tensor) -> Tensor:
    """Stops [B,1,h,w] that the transformer found in reduced SDR pictures [B,3,h,w], ``clipped`` [B,1,h,w] of which is,
    as clipped areas take them: more where no channel tells, less where one does, carried outwards, and as continuous as
    the source is beside them.

    The transformer was taught the mean of what could be, which is too little for lamps and the sun.
    """
    untold = ((sdr.amin(dim=1, keepdim=True) - _TELLS) / (CLIPPED_CODE - _TELLS)).clamp(0, 1)
    raised = of_clipped_channels(torch.lerp(stops, _RAISED * stops, untold), sdr)
    return carried_outwards(raised, clipped).minimum(continuous_bound(sdr, clipped))


def of_clipped_channels(stops: Tensor, sdr: Tensor) -> Tensor:
    """What is left of ``stops`` [B,1,h,w], of luminance, if only channels gain whose code, of [B,3,h,w], is clipped.

    Blue petals clip in blue, which is a fourteenth of their luminance: were red and green lighter, too, their codes
    would tell. Curves roll channels off together, so a code begins to tell less well below clipping. Where a reduced
    pixel mixes a lamp with what is beside it, the lamp's codes are those of the lightest neighbour.
    """
    codes = F.max_pool2d(sdr, 3, stride=1, padding=1)
    clips = _smooth_step((codes - _OPEN) / (CLIPPED_CODE - _OPEN))
    light = bt1886.eotf(codes, white_nits=1.0).clamp(min=_DARK)
    return torch.log2(luminance(light * torch.exp2(stops * clips), BT709_LUMA) / luminance(light, BT709_LUMA))


def continuous_bound(sdr: Tensor, clipped: Tensor) -> Tensor:
    """The most stops [B,1,h,w] that light may gain without a jump that the source does not show.

    Where a sky or fog nears clipping slowly, its light goes on from there: it climbs with the distance to the last
    pixels that tell. Where a lamp or a window ends within a pixel or two, what is beside it says nothing. So the bound
    begins at the square of how far the darkest neighbour of a pixel that is not clipped lies below clipping.
    """
    largest = sdr.amax(dim=1, keepdim=True).clamp(0.05, CLIPPED_CODE)
    below = bt1886.GAMMA * torch.log2(CLIPPED_CODE / largest)
    jump = ((F.max_pool2d(below, 3, stride=1, padding=1) / _STEEP) ** 2).clamp(max=LARGEST_RECOVERY)
    bound = torch.where(clipped > _OWN_SHARE, LARGEST_RECOVERY, jump)
    for _ in range(math.ceil(LARGEST_RECOVERY / _CLIMB)):
        bound = bound.minimum(_CLIMB - F.max_pool2d(-bound, 3, stride=1, padding=1))
    for _ in range(2):  # cones around single pixels would be rays
        bound = F.avg_pool2d(F.pad(bound, (_STEADY // 2,) * 4, mode="replicate"), _STEADY, stride=1)
    return bound


def carried_outwards(stops: Tensor, clipped: Tensor) -> Tensor:
    """Stops [B,1,h,w] of pixels that are clipped at least by half; the others take theirs from what is clipped near."""
    own = clipped > _OWN_SHARE
    stops = torch.where(own, domed(stops, own.to(stops.dtype)), stops)
    near, weight = _around(clipped * stops), _around(clipped * share_of_gain(clipped))
    found = torch.where(own, stops, near / weight.clamp(min=1e-4))
    known = (own | (weight > 1e-3)).to(stops.dtype)
    for _ in range(_REACH):
        found, count = known * found, _around(known)
        found = torch.where(known > 0, found, _around(found) / count.clamp(min=1e-4))
        known = (count > 1e-4).to(stops.dtype)
    return without_faint(known * found)


def steadied(stops: Tensor, own: Tensor) -> Tensor:
    """Means over a neighbourhood of what is clipped: the unrest of single latents would stain white walls."""
    return _mean(own * stops, _STEADY) / _mean(own, _STEADY).clamp(min=1e-4)


def domed(stops: Tensor, own: Tensor) -> Tensor:
    """The model's stops, steadied, as a region's level, and on it a dome: monotone in the distance to the edge.

    Level is what the transformer finds; the structure of its stops is hardly better than none, and light that clips is
    brightest away from its edge more often than not. A dome moves light inside of a region and adds none.
    """
    level, height = steadied(stops, own), torch.log2(1 + distance_to_edge(own, _HIGHEST))
    mean = _mean(own * height, _REGION) / _mean(own, _REGION).clamp(min=1e-4)
    return level + _DOME * level.clamp(min=0) * (height - mean)


def without_faint(stops: Tensor) -> Tensor:
    """Stops of 0.3 and more as they are, smaller ones less: they are the network's doubt about paper and walls, and
    would stain them, or turn the order of greys round where white begins."""
    return stops * _smooth_step(stops / _FAINT)


def _smooth_step(x: Tensor) -> Tensor:
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def distance_to_edge(own: Tensor, most: int) -> Tensor:
    """Pixels [B,1,h,w] from what is not ``own`` (1, else 0), at most ``most``; the frame's border is no edge."""
    distance, left = torch.zeros_like(own), own
    for _ in range(most):
        distance = distance + left
        left = -F.max_pool2d(-left, 3, stride=1, padding=1)
    return distance


def _around(picture: Tensor) -> Tensor:
    return _mean(picture, 3)


def _mean(picture: Tensor, side: int) -> Tensor:
    """Mean of ``side`` x ``side`` pixels [B,1,h,w]; beyond the border there is nothing."""
    return F.avg_pool2d(picture, side, stride=1, padding=side // 2)


def invented(clipped: Tensor, settings: Settings) -> Tensor:
    """How much of each pixel of a rendered frame is the model's invention, by how clipped it is: [B,1,H,W] in [0,1]."""
    recovered = settings.highlight_recovery * clipped
    return settings.strength * torch.lerp(torch.ones_like(recovered), recovered, settings.detail)
