"""What people convert, beside what it should be: ``python -m lumaflux.lab.evaluation.subjects FILE.jpg``.

A night, snow, a sun, a face, a film with bars and a subtitle, a page of text, a phone's photograph, lamps: each the SDR
source, baselines, the default model by the product's path, and the reference where there is one. Needs HDR_DIR and
HDR_MORE_DIR (docs/corpus.md).
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumaflux.arguments import new_file
from lumaflux.color import pq, srgb
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.color.primaries import luminance
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.data.author_rendering import render_hlg
from lumaflux.lab.data.camera import Camera, view
from lumaflux.lab.data.graded_pictures import graded_light
from lumaflux.lab.data.mastering import at_exposure, master_gain, shoulder, to_bt2020
from lumaflux.lab.data.pictures import read_linear, read_sdr
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.sources import Source, find_sources
from lumaflux.lab.data.tone_pool import pair_light
from lumaflux.lab.evaluation.baselines import BASELINES
from lumaflux.lab.evaluation.comparison import for_page, picture_bytes
from lumaflux.lab.evaluation.gallery import sheet
from lumaflux.lab.evaluation.static_curve import FITTED, read_curve
from lumaflux.media.scaling import reduce_area

Picture = NDArray[np.float32]  # [3,H,W]: BT.709 signal, or PQ/BT.2020
Pixels = NDArray[np.uint8]
_WIDTH, _HEIGHT = 448, 288  # of what is converted; shown at half of it
_DARKER = 203 / 1000  # of the lower picture's light: what a page's white hides
_DARK_NITS = 0.05  # added to both sides of a ratio: black has no stops
_QUALITY = 86


@dataclass(frozen=True, kw_only=True)
class Subject:
    """``sdr`` in 8-bit steps; ``reference`` None where nobody made one."""

    caption: str
    sdr: Picture
    reference: Picture | None = None
    ink: NDArray[np.bool_] | None = None  # [H,W]: the letters of a subtitle


class Subjects:
    """Reads and renders them from the collections' ``sources``; UserError for a picture that is missing."""

    def __init__(self, sources: Sequence[Source]):
        self._sources = {source.name.split("/")[-1].removesuffix("_1k"): source for source in sources}

    @cached_property
    def all(self) -> list[Subject]:
        return [
            self._scene("a night", "st_peters_square_night", "bt2390", -1.0, Camera(yaw=36, pitch=6, fov=60)),
            self._scene("snow", "snowy_field", "aces-1.3", 0.8, Camera(yaw=36, pitch=-4, fov=80)),
            self._scene("a sun", "hilly_terrain_01", "hard-clip", -1.7, Camera(yaw=36, pitch=4, fov=70)),
            self._lamps(),
            self._photograph(),
            self._film(),
            self._face(),
            _page(),
        ]

    def _source(self, name: str) -> Source:
        if name not in self._sources:
            raise UserError(f"the collections hold no {name}; name them by HDR_DIR and HDR_MORE_DIR (docs/corpus.md)")
        return self._sources[name]

    def _scene(self, caption: str, name: str, operator: str, stops: float, camera: Camera) -> Subject:
        light = to_bt2020(read_linear(self._source(name).path))
        seen = reduce_area(view(light, camera, 2 * _HEIGHT, 2 * _WIDTH), _WIDTH, _HEIGHT)
        scene = pq.inverse_eotf(seen * np.float32(master_gain(light)))
        master = at_exposure(torch.from_numpy(np.asarray(scene, np.float32))[None], stops)
        return _rendered(f"{caption}, {operator}", render_standard(master, operator), master)

    def _lamps(self) -> Subject:
        master = _master(graded_light(self._source("live_ugc_lights_hlg").path)[0])
        return _rendered("lamps, HLG", render_hlg(master, torch.Generator().manual_seed(1)), master)

    def _film(self) -> Subject:
        master = _master(graded_light(self._source("libavif_cosmos1650_p3pq").path)[0])
        return _barred(_rendered("film, bt2446a", render_standard(master, "bt2446a"), master))

    def _photograph(self) -> Subject:
        sdr, hdr = (_fitted(light) for light in pair_light(self._source("pixel-01")))
        codes = np.rint(srgb.inverse_eotf(sdr.clip(0, 1)) * 255) / 255
        reference = pq.inverse_eotf(shoulder(hdr.clip(0, None)))
        return Subject(
            caption="a phone's photograph",
            sdr=np.asarray(srgb_to_bt1886(codes), np.float32),
            reference=np.asarray(reference, np.float32),
        )

    def _face(self) -> Subject:
        linear = _fitted(np.asarray(srgb.eotf(read_sdr(self._source("kodak_15").path)), np.float32))
        return Subject(caption="a face", sdr=np.asarray(srgb_to_bt1886(srgb.inverse_eotf(linear)), np.float32))


def _fitted(light: Picture) -> Picture:
    """The middle of linear light, of the shown aspect ratio and size."""
    height, width = light.shape[1:]
    rows, columns = min(height, width * _HEIGHT // _WIDTH), min(width, height * _WIDTH // _HEIGHT)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.asarray(reduce_area(light[:, top : top + rows, left : left + columns], _WIDTH, _HEIGHT), np.float32)


def _master(nits: Picture) -> torch.Tensor:
    return torch.from_numpy(np.asarray(pq.inverse_eotf(shoulder(_fitted(nits))), np.float32))[None]


def _rendered(caption: str, sdr: torch.Tensor, master: torch.Tensor) -> Subject:
    return Subject(caption=caption, sdr=((sdr * 255).round() / 255)[0].numpy(), reference=master[0].numpy())


def _letters(lines: Sequence[str], size: int, left: int, top: int) -> NDArray[np.float32]:
    """How much ink lies on each pixel [H,W], in [0,1]."""
    canvas = Image.new("L", (_WIDTH, _HEIGHT))
    draw = ImageDraw.Draw(canvas)
    for row, line in enumerate(lines):
        draw.text((left, top + row * size * 3 // 2), line, fill=255, font=ImageFont.load_default(size))
    return np.asarray(np.asarray(canvas) / 255, np.float32)


def _barred(film: Subject) -> Subject:
    """With letterbox bars, black, and a subtitle across the lower one's edge, which is graphics white (BT.2408)."""
    assert film.reference is not None
    ink = _letters(["- We should have gone by train."], 20, 84, 222)
    sdr, reference = film.sdr.copy(), film.reference.copy()
    for picture, white in ((sdr, 1.0), (reference, float(pq.inverse_eotf(np.array(203.0))))):
        picture[:, :36], picture[:, -36:] = 0, 0
        picture[:] = picture + ink * (white - picture)
    return Subject(
        caption=f"{film.caption}, bars, subtitle",
        sdr=np.asarray(np.rint(sdr * 255) / 255, np.float32),
        reference=reference,
        ink=ink > 0.97,
    )


def _page() -> Subject:
    lines = [f"{number}. The quick brown fox jumps over the lazy dog" for number in range(1, 12)]
    paper = 1 - 0.92 * _letters(lines, 15, 24, 16)
    sdr = np.broadcast_to(np.rint(paper * 255) / 255, (3, _HEIGHT, _WIDTH)).astype(np.float32)
    return Subject(caption="a page of text", sdr=sdr, reference=BASELINES["static-203"](sdr))


def _panel(hdr_pq: Picture) -> Pixels:
    """Tone-mapped to a page, and below it the same a fifth as bright, where 1000 cd/m2 is the page's white."""
    nits = pq.eotf(np.asarray(hdr_pq, np.float64))
    shown = (for_page(nits), for_page((_DARKER * nits).clip(0, 203), peak_nits=203.0))
    return np.concatenate([_halved(pixels) for pixels in shown])


def _error(made: Picture, reference: Picture | None) -> str:
    if reference is None:
        return ""
    first, second = (pq.eotf(np.asarray(picture, np.float64)) for picture in (made, reference))
    return f", {float(delta_e_itp(first, second).mean()):.1f}"


def _light(made: Picture, subject: Subject) -> str:
    """Mean stops over the reference, and the largest luminance; that of letters where a film has some."""
    y = luminance(pq.eotf(np.asarray(made, np.float64)))[0]
    said = f"largest {y.max():.0f} cd/m2"
    if subject.reference is not None:
        wanted = luminance(pq.eotf(np.asarray(subject.reference, np.float64)))[0]
        said = f"{np.log2((y + _DARK_NITS) / (wanted + _DARK_NITS)).mean():+.2f} stops, {said}"
    if subject.ink is not None:
        said += f", letters {np.median(y[subject.ink]):.0f}"
    return said


def _halved(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((_WIDTH // 2, _HEIGHT // 2), Image.Resampling.BOX))


def subject_sheet(subjects: Sequence[Subject], methods: dict[str, Callable[[Picture], Picture]]) -> Image.Image:
    """A row for each subject: source, ``methods`` (SDR [3,H,W] -> PQ/BT.2020) with their mean Delta-E-ITP, reference;
    below a source its clipped pixels. Prints how bright each is."""
    rows = []
    for subject in subjects:
        source = _halved(picture_bytes(subject.sdr))
        clipped = _halved(np.repeat((subject.sdr.max(axis=0) > 254 / 255)[..., None], 3, axis=2).astype(np.uint8) * 255)
        row = [(subject.caption, np.concatenate([source, clipped]))]
        for caption, method in methods.items():
            made = method(subject.sdr)
            row.append((caption + _error(made, subject.reference), _panel(made)))
            print(f"{subject.caption:40} {caption:20} {_light(made, subject)}", flush=True)
        if subject.reference is not None:
            row.append(("reference", _panel(subject.reference)))
        rows.append(row)
    return sheet(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    from lumaflux.inference.load import load

    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.evaluation.subjects", description=__doc__)
    parser.add_argument("file", type=new_file)
    options = parser.parse_args(arguments)
    folders = [Path(os.environ[name]) if name in os.environ else None for name in ("HDR_DIR", "HDR_MORE_DIR")]
    with told("lumaflux"):
        subjects = Subjects(find_sources(None, *folders)).all
        methods = {
            "static placement": BASELINES["static-203"],
            "inverse BT.2446 A": BASELINES["inverse-bt2446a"],
            "static curve": read_curve(FITTED),
            "LumaFlux lite": load("lite").render,
        }
        subject_sheet(subjects, methods).save(options.file, quality=_QUALITY)


if __name__ == "__main__":
    main()
