"""How much each point of a shot flickers where the camera carries it, with and without motion blending."""

import statistics
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from lumaflux.lab.bench.flicker import STEP, clips, pan

FRAMES = 24
_MARGIN = 16  # pixels at the edges that are left out


def flicker_along_motion(amount: float = 1.0) -> dict[str, float]:
    """``flicker_along_motion``: mean absolute second difference in time of a point's PU21 luminance, followed through a
    pan, under a tone track; with ``_blended``, the same with motion blending; with ``_cut``, the share saved.

    ``motion_blending_ms``: what the flows and the blending of a frame take. Nothing without OpenCV.
    """
    from lumaflux.inference.load import load
    from lumaflux.inference.motion import available
    from lumaflux.render.analysis import track_of
    from lumaflux.render.motion_blending import MotionBlending
    from lumaflux.render.tones import Tones
    from lumaflux.settings import Settings

    if not available():
        return {}
    converter, settings = load("lite"), Settings()
    tracked, steadied, seconds = [], [], []
    for clip in clips(list(islice(pan(), FRAMES))):
        with tempfile.NamedTemporaryFile() as file:
            tones = Tones(track_of(clip, converter, settings, Path(file.name), "lite"))
        for blending_amount, found in ((0.0, tracked), (amount, steadied)):
            read = dict(enumerate(clip)).get
            blending = MotionBlending(converter, tones, settings, blending_amount, read)
            shown = []
            for number, frame in enumerate(clip):
                light, tone = blending.light(number, frame), tones.at(number, settings)[1]
                shown.append(converter.render_timed(frame, settings, tone=tone, light=light)[0])
            found.append(roughness([_levels(hdr_pq) for hdr_pq in shown], STEP))
        seconds.append(blending.seconds["motion"] / len(clip))
    before, after = statistics.mean(tracked), statistics.mean(steadied)
    return {
        "flicker_along_motion": before,
        "flicker_along_motion_blended": after,
        "flicker_along_motion_cut": 1 - after / before,
        "motion_blending_ms": 1000 * statistics.mean(seconds),
    }


def roughness(levels: list[np.ndarray], step: int) -> float:
    """Mean absolute second difference in time of pictures [H,W] whose content moves left by ``step`` pixels a frame."""
    width, reach = levels[0].shape[1], _MARGIN + step
    found = []
    for before, here, after in zip(levels, levels[1:], levels[2:], strict=False):
        rows, left, right = slice(_MARGIN, -_MARGIN), reach, width - reach
        moved = (
            before[rows, left + step : right + step],
            here[rows, left:right],
            after[rows, left - step : right - step],
        )
        found.append(np.abs(moved[0] - 2 * moved[1] + moved[2]).mean())
    return float(np.mean(found))


def _levels(hdr_pq: np.ndarray) -> np.ndarray:
    from lumaflux.color import pq, pu21
    from lumaflux.color.primaries import BT2020_LUMA, luminance

    return np.asarray(pu21.encode(luminance(pq.eotf(hdr_pq), BT2020_LUMA)))[0]
