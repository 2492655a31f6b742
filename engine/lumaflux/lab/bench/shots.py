"""How well shots are found, on clips that are drawn anew: ``python -m lumaflux.lab.bench.shots [--scenedetect]``.

Each clip is a cut, a dissolve or a fade through black between two scenes under a moving camera with grain, or a flash,
a pan, a change of brightness inside one scene, where nothing ends. ``--scenedetect`` scores PySceneDetect's detectors
beside it (``pip install scenedetect``), with their default settings, on the same clips without loss.

The thresholds were set on scenes of ``patches`` with seed 0. ``--scenes clouds --seed 1`` draws others, of 1/f noise as
pictures have it, on which nothing was set.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lumaflux.arguments import whole
from lumaflux.endings import told
from lumaflux.media.video.shots import change, shots_between, signature
from lumaflux.media.video.transitions import find_transitions, step_between, thumbnail

Frames = NDArray[np.uint8]  # [N,H,W,3]
Detector = Callable[[Frames], list[int]]  # the frames at which something new begins, or is half way there

Scenes = Literal["patches", "clouds"]
KINDS = ("cut", "dissolve", "fade", "flash", "pan", "brightness")
_HEIGHT, _WIDTH, _HELD = 90, 160, 40
_NEAR = 2  # frames beside an event that still count as there
_PYSCENEDETECT = ("ContentDetector", "AdaptiveDetector", "ThresholdDetector", "HistogramDetector", "HashDetector")


@dataclass(frozen=True)
class DrawnClip:
    """``event``: the first and the last frame of the one thing that ends a shot, if any does."""

    kind: str
    frames: Frames
    event: tuple[int, int] | None


@dataclass(frozen=True)
class Score:
    recall: float
    precision: float


def drawn_clips(count: int, seed: int = 0, scenes: Scenes = "patches") -> Iterator[DrawnClip]:
    """``count`` clips of every kind."""
    for kind in KINDS:
        for number in range(count):
            yield _clip(kind, np.random.default_rng([seed, KINDS.index(kind), number]), scenes)


def own(frames: Frames) -> list[int]:
    """What a tone track takes as the ends of shots."""
    pictures = [np.moveaxis(frame, -1, 0).astype(np.float32) / 255 for frame in frames]
    small, histograms = [thumbnail(picture) for picture in pictures], [signature(picture) for picture in pictures]
    steps = [
        step_between(*pair, change(*both)) for pair, both in zip(pairwise(small), pairwise(histograms), strict=True)
    ]
    cuts = [shot.start for shot in shots_between(steps)[1:]]
    mixed = find_transitions(small)
    return cuts + [(one.first + one.last) // 2 for one in mixed]


def score(clips: list[DrawnClip], detector: Detector) -> dict[str, Score]:
    """By kind, and of all. Several finds inside one event are one; a find outside of it is false."""
    right, false, events = ({str(kind): 0 for kind in KINDS} for _ in range(3))
    for clip in clips:
        first, last = clip.event or (0, -2 * _NEAR - 1)
        found = detector(clip.frames)
        inside = [place for place in found if first - _NEAR <= place <= last + _NEAR]
        right[clip.kind] += bool(inside)
        false[clip.kind] += len(found) - len(inside)
        events[clip.kind] += clip.event is not None
    scores = {kind: _score(right[kind], events[kind], false[kind]) for kind in KINDS}
    return scores | {"all": _score(sum(right.values()), sum(events.values()), sum(false.values()))}


def pyscenedetect(name: str) -> Detector:
    """One of PySceneDetect's detectors with its default settings."""
    import scenedetect

    made = getattr(scenedetect, name)

    def detector(frames: Frames) -> list[int]:
        import av

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mkv"
            with av.open(str(path), "w") as container:
                video = container.add_stream("ffv1", rate=25)
                video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], "bgr0"
                for frame in frames:
                    container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                container.mux(video.encode())
            return [scene[0].get_frames() for scene in scenedetect.detect(str(path), made())[1:]]

    return detector


def table(clips: list[DrawnClip], detectors: dict[str, Detector]) -> str:
    """Markdown: recall by kind of event, false finds by kind of none, recall and precision of all."""
    heads = ["detector", *(f"{kind}: recall" for kind in KINDS[:3]), "recall", "precision"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, detector in detectors.items():
        scores = score(clips, detector)
        cells = [scores[kind].recall for kind in KINDS[:3]] + [scores["all"].recall, scores["all"].precision]
        lines.append(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    return "\n".join(lines)


def _score(right: int, events: int, false: int) -> Score:
    found = right + false
    return Score(recall=right / events if events else 1.0, precision=right / found if found else 1.0)


def _clip(kind: str, rng: np.random.Generator, scenes: Scenes) -> DrawnClip:
    length = int(rng.integers(8, 36))
    total = 2 * _HELD + (length if kind in ("dissolve", "fade") else 0)
    one, other = _camera(rng, total, scenes, fast=kind == "pan"), _camera(rng, total, scenes)
    share, event = np.zeros(total), None
    if kind in ("cut", "dissolve", "fade"):
        mixed = 0 if kind == "cut" else length
        share = ((np.arange(total) - _HELD + 1) / (mixed + 1)).clip(0, 1)
        event = (_HELD, _HELD + mixed)
    place = share[:, None, None, None]
    if kind == "fade":
        made = one * (1 - 2 * place).clip(0) + other * (2 * place - 1).clip(0)
    else:
        made = (1 - place) * one + place * other
    if kind == "flash":
        made[_HELD] = 0.2 * made[_HELD] + 0.8
    if kind == "brightness":
        made *= np.interp(np.arange(total), [_HELD - 12, _HELD + 12], [1, rng.uniform(0.4, 0.7)])[:, None, None, None]
    noise = rng.normal(0, 0.01, made.shape)
    return DrawnClip(kind, (255 * (made + noise)).round().clip(0, 255).astype(np.uint8), event)


def _camera(rng: np.random.Generator, frames: int, scenes: Scenes, *, fast: bool = False) -> NDArray[np.float64]:
    """[frames,H,W,3] of a scene under a camera that moves by 0 to 1 pixels a frame, or 2 to 4."""
    speed = rng.uniform(2, 4) if fast else rng.uniform(0, 1)
    wide = _patches(rng) if scenes == "patches" else _clouds(rng)
    starts = (speed * np.arange(frames)).round().astype(int)
    return np.stack([wide[:, start : start + _WIDTH] for start in starts])


def _patches(rng: np.random.Generator) -> NDArray[np.float64]:
    """[H,900,3]: squares in different colors."""
    patches = rng.uniform(0.05, 0.95, (6, 60, 3)) * rng.uniform(0.5, 1, 3)
    wide = np.kron(patches, np.ones((15, 15, 1)))[:_HEIGHT]
    for axis in (0, 1):
        wide = np.asarray(sum(np.roll(wide, shift, axis) for shift in range(-3, 4))) / 7
    return wide


def _clouds(rng: np.random.Generator) -> NDArray[np.float64]:
    """[H,900,3]: noise whose amplitude falls with frequency, more in luma than in colors; mean and contrast vary."""
    width = 900
    frequency = np.hypot(np.fft.fftfreq(_HEIGHT)[:, None], np.fft.rfftfreq(width)[None])
    amplitude = np.where(frequency > 0, frequency, np.inf) ** -rng.uniform(1.0, 1.4)
    fields = []
    for _ in range(4):
        field = np.fft.irfft2(amplitude * np.fft.rfft2(rng.normal(size=(_HEIGHT, width))), (_HEIGHT, width))
        fields.append(field / field.std())
    luma, colors = fields[0], np.stack(fields[1:], axis=-1)
    mean, contrast = rng.uniform(0.25, 0.65), rng.uniform(0.08, 0.2)
    tint = rng.uniform(0.8, 1.2, 3)
    return ((mean + contrast * luma[..., None] + 0.3 * contrast * colors) * tint).clip(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=whole(), default=20, help="of every kind")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--scenes", choices=get_args(Scenes), default="patches")
    parser.add_argument("--scenedetect", action="store_true", help="score PySceneDetect's detectors too")
    options = parser.parse_args()
    detectors: dict[str, Detector] = {"LumaFlux": own}
    if options.scenedetect:
        detectors |= {name: pyscenedetect(name) for name in _PYSCENEDETECT}
    print(table(list(drawn_clips(options.clips, options.seed, options.scenes)), detectors))


if __name__ == "__main__":
    with told("lumaflux"):
        main()
