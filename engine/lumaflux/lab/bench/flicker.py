"""How much a shot's mean light flickers beyond its reference, frame by frame and under a tone track."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FRAMES = 48
WIDTH, HEIGHT, STEP = 256, 144, 3  # pixels; the camera pans by ``STEP`` a frame


def flicker_excess() -> dict[str, float]:
    """``flicker_excess``: PU21 units by which the second difference of the mean level exceeds the reference's, in the
    mean over frames, under a tone track; ``flicker_excess_by_frame``: without one; ``flicker_cut``: the share saved.
    """
    from lumaflux.color import pq, pu21
    from lumaflux.color.primaries import BT2020_LUMA, luminance
    from lumaflux.inference.load import load
    from lumaflux.render.analysis import track_of
    from lumaflux.settings import Settings

    def level(hdr_pq: np.ndarray) -> float:
        return float(np.mean(pu21.encode(luminance(pq.eotf(hdr_pq), BT2020_LUMA))))

    def roughness(levels: list[float]) -> float:
        return float(np.abs(np.diff(levels, 2)).mean())

    masters, converter = list(pan()), load("lite")
    reference = roughness([level(hdr_pq) for hdr_pq in masters])
    by_frame, by_track = [], []
    for clip in clips(masters):
        with tempfile.NamedTemporaryFile() as file:
            track = track_of(clip, converter, Settings(), Path(file.name), "lite")
        by_frame.append(roughness([level(converter.render(frame)) for frame in clip]) - reference)
        tracked = [level(converter.render(frame, tone=track.tone_at(n))) for n, frame in enumerate(clip)]
        by_track.append(roughness(tracked) - reference)
    before, after = float(np.mean(by_frame)), float(np.mean(by_track))
    return {"flicker_excess": after, "flicker_excess_by_frame": before, "flicker_cut": 1 - after / before}


def clips(masters: list[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """SDR of 8 bits [3,H,W] of PQ/BT.2020 frames, by one operator after the other."""
    import torch

    from lumaflux.color import pq
    from lumaflux.color.operators import OPERATORS

    for operator in ("reinhard", "hard-clip"):
        light = [pq.eotf(torch.from_numpy(hdr_pq))[None] for hdr_pq in masters]
        clip = [(255 * OPERATORS[operator](nits).clamp(0, 1)).round()[0].numpy() / 255 for nits in light]
        yield [frame.astype(np.float32) for frame in clip]


def pan() -> Iterator[np.ndarray]:
    """PQ/BT.2020 frames [3,H,W] of a camera that pans over a synthetic scene of many stops."""
    from lumaflux.color import pq

    rng = np.random.default_rng(5)
    width = WIDTH + STEP * FRAMES
    light = np.zeros((HEIGHT, width))
    for size, weight in ((48, 1.6), (24, 0.8), (8, 0.4)):
        coarse = rng.normal(0, weight, (HEIGHT // size + 1, width // size + 1))
        light += np.kron(coarse, np.ones((size, size)))[:HEIGHT, :width]
    nits = (18 * np.exp(light)).clip(0.01, 1000)
    tint = np.array([1.0, 0.95, 0.85])[:, None, None] ** (light / 2)
    scene = np.asarray(pq.inverse_eotf((nits * tint).clip(0, 1000)), np.float32)
    for frame in range(FRAMES):
        yield np.ascontiguousarray(scene[:, :, STEP * frame : STEP * frame + WIDTH])
