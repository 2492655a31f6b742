"""What must not change a picture's light, measured on drawn SDR pictures with any renderer.

Each figure has a limit; beyond it a person sees the fault: bars that move the exposure, lit subtitles, stained fields,
unrest on white, nights that become days.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq

Picture = NDArray[np.float32]  # [3,H,W], SDR in [0,1] or PQ/BT.2020
Render = Callable[[Picture], Picture]  # SDR -> PQ/BT.2020

_SIZE = (216, 384)
_BLACK = 0.5  # cd/m2, added before logarithms
_GREYS = (40, 80, 128, 180, 220)  # codes of flat fields
_NIGHT = (2, 40)  # codes


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """``value`` and its ``limit`` in ``unit``; kept where the value is not larger."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def kept(self) -> bool:
        return self.value <= self.limit


def renderer_named(method: str) -> Render:
    """``model:NAME_OR_DIR`` or a baseline's name. Raises UserError for anything else."""
    if method.startswith("model:"):
        import lumaflux

        return lumaflux.load(method.removeprefix("model:"), device="cpu").render
    from lumaflux.lab.evaluation.baselines import baseline_named

    return baseline_named(method)


def scene(seed: int = 0, *, brightness: float = 1.0) -> Picture:
    """A drawn scene: a sky that brightens, ground with texture, dark figures, a lamp. SDR [3,H,W] in [0,1]."""
    rng = np.random.default_rng(seed)
    height, width = _SIZE
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = columns / width, rows / height
    sky = np.stack([0.45 + 0.2 * u, 0.55 + 0.15 * u, 0.7 + 0.1 * (1 - v)])
    coarse = rng.normal(size=(height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
    ground = np.stack([0.34 + 0.05 * coarse, 0.30 + 0.05 * coarse, 0.22 + 0.04 * coarse])
    picture = np.where(v > 0.55 + 0.05 * np.sin(6 * u), ground, sky)
    for left in rng.uniform(0.05, 0.85, 4):
        picture = np.where((u > left) & (u < left + 0.06) & (v > 0.3) & (v < 0.9), 0.3 * picture, picture)
    lamp = np.exp(-((u - rng.uniform(0.2, 0.8)) ** 2 + (v - 0.25) ** 2) / 0.002)
    signal = picture + lamp
    linear = brightness * signal.clip(0, 1) ** 2.4
    noise = rng.normal(0, 0.004, (3, height, width))
    return coded(linear ** (1 / 2.4) + noise)


def coded(signal: NDArray) -> Picture:
    """Rounded to 8-bit codes."""
    return np.ascontiguousarray(np.rint(255 * np.clip(signal, 0, 1)) / 255, dtype=np.float32)


def stops(hdr_pq: Picture) -> NDArray[np.float64]:
    """log2 of luminance in cd/m2, [H,W]."""
    return np.log2(luminance(pq.eotf(hdr_pq.astype(np.float64)), BT2020_LUMA)[0] + _BLACK)


def with_subtitle(picture: Picture, code: int = 235) -> tuple[Picture, NDArray[np.bool_]]:
    """Two lines of letters burned into the lower part, and where they are."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = picture.shape[1:]
    canvas = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(canvas)
    for row, words in enumerate(("Where were you when it", "began to rain?")):
        draw.text((0.22 * width, (0.78 + 0.09 * row) * height), words, fill=255, font=ImageFont.load_default(18))
    ink = np.asarray(canvas, dtype=np.float64) / 255
    return coded(picture * (1 - ink) + code / 255 * ink), ink > 0.9


def page() -> tuple[Picture, NDArray[np.bool_]]:
    """A white page of text, and where it is white."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = _SIZE
    canvas = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(canvas)
    for row in range(12):
        draw.text(
            (30, 8 + 17 * row), "The quick brown fox jumps over the lazy dog.", fill=20, font=ImageFont.load_default(12)
        )
    grey = np.asarray(canvas, dtype=np.float64) / 255
    return coded(np.broadcast_to(grey, (3, height, width))), grey > 0.99


def through_jpeg(picture: Picture, quality: int = 75) -> Picture:
    """As a JPEG file of that quality gives it back."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.rint(255 * picture.transpose(1, 2, 0)).astype(np.uint8)).save(file, "jpeg", quality=quality)
    return coded(np.asarray(Image.open(file)).transpose(2, 0, 1) / 255.0)


def with_bars(picture: Picture, code: int, share: float = 0.12) -> tuple[Picture, slice]:
    """Letterbox bars above and below a picture, and its rows."""
    bar = round(share * picture.shape[1])
    rows = np.full((3, bar, picture.shape[2]), code / 255, np.float32)
    return np.concatenate([rows, picture, rows], axis=1), slice(bar, bar + picture.shape[1])


def measured(render: Render) -> Iterator[Invariant]:
    """Every invariant of a renderer."""
    yield from _bars(render)
    yield from _graphics(render)
    yield from _fields(render)
    yield from _exposures(render)


def _bars(render: Render) -> Iterator[Invariant]:
    for code in (0, 16):
        moved = []
        for seed in range(3):
            picture = scene(seed)
            framed, rows = with_bars(picture, code)
            moved.append(abs(np.median(stops(render(framed))[rows] - stops(render(picture)))))
        yield Invariant(name=f"letterbox of code {code}: exposure", value=float(max(moved)), limit=0.05, unit="stops")


def _graphics(render: Render) -> Iterator[Invariant]:
    lit = []
    for seed, brightness in ((0, 1.0), (1, 0.1), (2, 0.02)):
        picture, ink = with_subtitle(scene(seed, brightness=brightness))
        lit.append(np.percentile(2 ** stops(render(picture))[ink], 99))
    yield Invariant(name="subtitle: white", value=float(max(lit)), limit=250, unit="cd/m2")
    white, where = page()
    yield Invariant(
        name="page: white", value=float(np.percentile(2 ** stops(render(white))[where], 99)), limit=250, unit="cd/m2"
    )
    unrest = stops(render(through_jpeg(white)))[where]
    yield Invariant(
        name="white through JPEG 75: deviation",
        value=float(unrest.std()),
        limit=0.15,
        unit="stops",
    )


def _fields(render: Render) -> Iterator[Invariant]:
    spread = []
    for code in _GREYS:
        field = stops(render(np.full((3, *_SIZE), code / 255, np.float32)))
        spread.append(field.max() - field.min())
    yield Invariant(name="flat field: spread", value=float(max(spread)), limit=0.02, unit="stops")


def _exposures(render: Render) -> Iterator[Invariant]:
    whole, dimmed = stops(render(scene(0))), stops(render(scene(0, brightness=0.125)))
    light = whole > np.median(whole)  # where the offset of black counts little
    yield Invariant(
        name="SDR dimmed by 3 stops: error",
        value=float(abs(np.median((whole - dimmed)[light]) - 3)),
        limit=0.5,
        unit="stops",
    )
    picture = scene(3)
    height, width = _SIZE
    rows = slice(height // 10, height - height // 10)
    columns = slice(width // 10, width - width // 10)
    cut = np.ascontiguousarray(picture[:, rows, columns])
    yield Invariant(
        name="80 % crop: exposure",
        value=float(abs(np.median(stops(render(cut)) - stops(render(picture))[rows, columns]))),
        limit=0.25,
        unit="stops",
    )


def night_over_static(render: Render) -> float:
    """By how many stops a night (codes 2 to 40) is brighter than static placement at 203 cd/m2: its median."""
    rng = np.random.default_rng(5)
    low, high = _NIGHT
    codes = low + (high - low) * scene(4)[1] * rng.uniform(0.9, 1.0, _SIZE)
    night = coded(np.broadcast_to(codes / 255, (3, *_SIZE)))
    return float(np.median(stops(render(night)) - stops(sdr_to_pq(night))))
