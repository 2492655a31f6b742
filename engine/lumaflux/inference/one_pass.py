"""A frame from 8-bit to 10-bit codes of 4:2:0 in one pass over its rows, without a plane of floats in between.

What is global in a frame, tone curve, colour matrices and look, is baked once a frame into a lattice over Y'CbCr; what
clipped pixels gain is applied to the light that comes out of it. Steps of 8-bit codes are smoothed in luma alone, by
the filter of lumaflux.inference.debanding; in chroma too they left the reference further behind. Black bars around the
active area stay out of it, and graphics are held at their white. The reference is the product's
path in floats, ``Converter.render``, which does the work wherever this one does not apply; here
``native/cpu/pq_codes.cpp`` does.
"""

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.color.clipping import CLIPPED_CODE
from lumaflux.color.ycbcr import ycbcr_to_rgb
from lumaflux.color.yuv420_rgb import Yuv420
from lumaflux.color.yuv420p10 import Planes
from lumaflux.inference.coded_area import active_codes, between_bars
from lumaflux.inference.composition import GainGrid, compose
from lumaflux.inference.detail import GuidedFilter
from lumaflux.inference.graphics import FAINTEST, Held, held_in, may_show_graphics
from lumaflux.inference.highlights import bounded, trusted
from lumaflux.inference.look import apply_look, is_plain
from lumaflux.inference.reduced_codes import sampled_codes
from lumaflux.inference.text_lines import Sampling
from lumaflux.inference.tone import Tone, toned
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

LUMA_END = 240 / 219  # above white lie codes that chroma may bring back below it
_LUMA_NODES, _CHROMA_NODES = 61, 49  # four codes apart in luma; in chroma a fifth of one at grey, nine at the ends


def render_codes(
    converter: "Converter", codes: Yuv420, settings: Settings, tone: Tone, *, alone: bool = False
) -> tuple[Planes, dict[str, float]] | None:
    """8-bit BT.709 codes -> 10-bit PQ/BT.2020 codes, and seconds by stage; None where the path does not apply.

    It applies on a CPU with the native routines, under a tone track, to a picture whose colour stays as it is, and
    whose highlights and graphics, if it has any, need no look; highlights are between key frames. Nothing is written in
    its black bars, which begin and end between two samples of chroma. ``alone``: no finished frame waits for an
    encoder, and the other half of the threads is taken, too; the codes do not depend on it.
    """
    steady = settings.temporal_stability == 1.0 and settings.detail == 1.0 and settings.strength > 0.0
    steady = steady and settings.saturation == 1.0  # which clips colours between nodes
    if not (available() and converter.recovers and converter.backend.device.type == "cpu" and steady):
        return None
    placement = toned(tone, settings.auto_tone).placement
    start = time.perf_counter()
    whole, area = codes, tone.area
    inside = None if area is None else active_codes(whole, area)
    if placement is None or area is None or inside is None:
        return None
    codes = inside
    native: Any = lumaflux_native
    threads = torch.get_num_threads() if alone else max(1, torch.get_num_threads() // 2)
    held = Held.nothing()
    if settings.graphics_white == "auto" and _may_show_graphics(codes, threads):
        held = held_in(torch.from_numpy(native.rgb_from_yuv420(*codes, threads)))
        if len(held.places) and not is_plain(settings):
            return None
    share = native.clipped_share(*codes, CLIPPED_CODE, threads) if settings.highlight_recovery else 0.0
    share = max(0.0, share - held.clipped)
    if share and (tone.stops is None or not is_plain(settings)):
        return None
    with torch.inference_mode():
        stops = np.zeros((0, 0), np.float32)
        if share and tone.stops is not None:
            stops = settings.highlight_recovery * _stops(converter, tone.stops, share, placement)[0, 0].numpy()
        nodes = lattice_of(placement, settings, codes)
    planes = native.pq_codes(*codes, nodes, LUMA_END, stops, *held[:3], threads)
    return between_bars(planes, area, whole.y.shape), {"pixels": time.perf_counter() - start}


def _may_show_graphics(codes: Yuv420, threads: int) -> bool:
    height = codes.y.shape[0]
    sampling = Sampling.of(height)
    scale, black = codes.scales[:2]
    if 255 * (float(codes.y[:: sampling.down].max()) - black) / scale + 1 < FAINTEST:  # and no row has to become R'G'B'
        return False
    return may_show_graphics(*sampled_codes(codes, sampling.down, sampling.across, threads), height)


def available() -> bool:
    """Whether the native routines are there, all of them: a checkout may be newer than what was built of it."""
    return hasattr(lumaflux_native, "lattice")


def _stops(converter: "Converter", stops: Tensor, share: float, placement: ToneCurve) -> Tensor:
    """What of the track's stops [1,1,h,w] is taken in a frame of which ``share`` is clipped."""
    model = converter.backend.network
    white_pq = model.to_pq(model.start(torch.ones(1, 3, 1, 1), placement))
    return trusted(torch.full((1, 1, 1, 1), share)) * bounded(stops, white_pq)


def lattice_of(placement: ToneCurve, settings: Settings, codes: Yuv420) -> np.ndarray:
    """The nodes int32 [Cb,Cr,Y',4] of a frame (native/cpu/lattice.h), for codes of one matrix; 0 at those that none of
    its chroma lies between."""
    blue, red = (_nodes_around(plane, codes) for plane in (codes.cb, codes.cr))
    sdr = _node_colours(codes.luma)[:, :, blue, red].flatten(2, 3)
    nothing = torch.zeros(1, 3, 1, 1)
    light = GainGrid(guided=GuidedFilter(slope=nothing, level=nothing), structure=nothing)
    lit = compose(sdr, sdr, lambda part: part, light, 0.0, placement)
    graded = apply_look(lit, sdr, settings)[0].numpy()
    native: Any = lumaflux_native
    sides = [(part.start, part.stop - part.start) for part in (blue, red)]
    return native.lattice(graded, *sides, _CHROMA_NODES)


def _nodes_around(plane: np.ndarray, codes: Yuv420) -> slice:
    """The nodes of chroma that a plane's codes lie between, and one more on either side."""
    scale, offset = codes.scales[2:]
    signals = (np.array([plane.min(), plane.max()], np.float64) - offset) / scale
    last = _CHROMA_NODES - 1
    way = 0.5 * last * (1 + np.sign(signals) * np.sqrt(np.minimum(2 * np.abs(signals), 1)))
    return slice(max(0, int(way[0]) - 1), min(last, int(way[1]) + 2) + 1)


@cache
def _node_colours(luma: tuple[float, float, float]) -> Tensor:
    """SDR R'G'B' of every node [1,3,Cb,Cr,Y']: the same for every frame of a matrix."""
    way = torch.linspace(-1, 1, _CHROMA_NODES)
    chroma = 0.5 * way * way.abs()
    cb, cr, y = torch.meshgrid(chroma, chroma, torch.linspace(0, LUMA_END, _LUMA_NODES), indexing="ij")
    ycc = torch.stack([y, cb, cr]).view(1, 3, -1, _LUMA_NODES)
    return ycbcr_to_rgb(ycc, luma).clamp(0, 1).view(1, 3, _CHROMA_NODES, _CHROMA_NODES, _LUMA_NODES).contiguous()
