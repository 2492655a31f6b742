"""A chart of patches, and what its codes become: the tables of docs/plugin.md that a colorist checks on a scope."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lumaflux.color import bt1886, bt2446a, pq
from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.spaces import from_nits
from lumaflux.errors import UserError
from lumaflux.service.own_controls import PIPELINES
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.settings import Settings

GREYS = (64, 258, 502, 721, 940)  # 10-bit codes of narrow range
# 8-bit full-range R'G'B': dark and light skin are those of the 24-patch colour chart, grey is 18 % of white's light.
PATCHES = {
    "grey, 18 %": (125, 125, 125),
    "dark skin": (115, 82, 68),
    "light skin": (194, 150, 130),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
}
_SIDE = 32  # pixels of a patch; as much grey lies around it
# SDR at 100 cd/m2 -> a timeline of 1000 cd/m2: the levels that DaVinci Resolve's manual states of its SDR-to-HDR
# conversion (Reference Manual 18.6, "Color Management"), joined by straight lines here. Its curve is not published.
RESOLVE_LEVELS = ((0.0, 50.0, 90.0, 100.0), (0.0, 50.0, 100.0, 1000.0))


def chart() -> np.ndarray:
    """The patches side by side in grey: 8-bit codes [H,W,3] of BT.709, full range."""
    picture = np.full((3 * _SIDE, 2 * _SIDE * len(PATCHES), 3), PATCHES["grey, 18 %"], np.uint8)
    for place, colour in zip(_places(), PATCHES.values(), strict=True):
        picture[place] = colour
    return picture


def _places(inset: int = 0) -> Iterator[tuple[slice, slice]]:
    rows = slice(_SIDE + inset, 2 * _SIDE - inset)
    for number in range(len(PATCHES)):
        left = _SIDE // 2 + 2 * _SIDE * number
        yield rows, slice(left + inset, left + _SIDE - inset)


def write_chart(target: Path) -> None:
    """The chart as PNG. Raises UserError where it cannot be written or a file is there."""
    from PIL import Image

    from lumaflux.media.atomic_file import AtomicFile

    if target.suffix.lower() != ".png":
        raise UserError(f"the chart is written as PNG; name it {target.with_suffix('.png').name}")
    with AtomicFile(target) as file:
        Image.fromarray(chart()).save(file.partial, format="png")


def calculated_rows() -> Iterator[tuple[str, list[float]]]:
    """By patch: its 10-bit codes R, G, B, and luminances in cd/m2: as SDR with white at 100, by the levels of
    Resolve's manual, by BT.2446-1 method A, and by the effect at strength 0.
    """
    for name, colour in PATCHES.items():
        sdr = (np.array(colour, np.float32) / np.float32(255)).reshape(3, 1, 1)
        shown = 100.0 * float(luminance(bt1886.eotf(sdr, white_nits=1.0), BT709_LUMA).item())
        resolve = float(np.interp(shown, *RESOLVE_LEVELS))
        expanded = float(luminance(bt2446a.hdr_from_sdr(sdr)).item())
        placed = float(luminance(pq.eotf(sdr_to_pq(sdr))).item())
        yield name, [*_codes(sdr).ravel().tolist(), shown, resolve, expanded, placed]


def rendered_rows(model: str = "lite") -> Iterator[tuple[str, list[float]]]:
    """By patch of the chart, as the effect renders it with its first settings: luminance in cd/m2, and the 10-bit PQ
    codes R, G, B (narrow range, the median of the patch's middle). Raises ModelError.
    """
    pixels = chart().astype(np.float32) / np.float32(255)
    made = np.moveaxis(Renderer().render_frame(pixels, RenderParameters(model=model)).pixels, -1, 0)
    for name, place in zip(PATCHES, _places(_SIDE // 4), strict=True):
        patch = np.median(made[:, *place].reshape(3, -1), axis=1).reshape(3, 1, 1)
        yield name, [float(luminance(pq.eotf(patch)).item()), *_codes(patch).ravel().tolist()]


def pipeline_rows() -> Iterator[tuple[str, tuple[str, list[float]], tuple[str, list[float]]]]:
    """By pipeline of the panel: the space and the values that enter the effect for the greys, and those that leave it
    at strength 0. PQ and BT.709 as 10-bit codes of narrow range, other spaces as the values of a float clip.
    """
    signal = np.repeat(((np.array(GREYS, np.float32) - 64) / 876)[None, None, :], 3, axis=0)
    nits = bt1886.eotf(signal, white_nits=1.0)  # grey is the same in all primaries of its white
    renderer = Renderer()
    for label, spaces in PIPELINES.values():
        if spaces is None:
            continue
        entering, leaving = spaces
        enters = np.asarray(from_nits(nits, entering, 1.0), np.float32)
        parameters = RenderParameters(
            settings=Settings(strength=0.0), input_space=entering, output_space=leaving, model="lite"
        )
        leaves = renderer.render_frame(np.ascontiguousarray(np.moveaxis(enters, 0, -1)), parameters).pixels
        yield (
            label,
            (entering, _as_shown(enters[1, 0], entering)),
            (leaving, _as_shown(leaves[0, :, 1], leaving)),
        )


def _as_shown(values: np.ndarray, space: str) -> list[float]:
    return [float(v) for v in (_codes(values) if space in ("bt709-bt1886", "pq-bt2020") else values)]


def _codes(signal: np.ndarray) -> np.ndarray:
    return 64 + 876 * np.asarray(signal, np.float64)


def tables(model: str = "lite") -> str:
    """Both tables as Markdown."""
    lines = [f"| pipeline | | {' | '.join(map(str, GREYS))} |", "|---|---|" + "---|" * len(GREYS)]
    for label, enters, leaves in pipeline_rows():
        for way, (space, values) in (("in", enters), ("out", leaves)):
            lines.append(f"| {label if way == 'in' else ''} | {way} `{space}` | {' | '.join(map(_number, values))} |")
    heads = ("patch", "R, G, B", "SDR", "Resolve's levels", "BT.2446-A", "strength 0", "effect", "effect's R, G, B")
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (name, row), (_, made) in zip(calculated_rows(), rendered_rows(model), strict=True):
        cells = (name, _triple(row[:3]), *map(_light, [*row[3:], made[0]]), _triple(made[1:]))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value > 10 else f"{value:.3f}"


def _light(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _triple(codes: list[float]) -> str:
    return ", ".join(f"{code:.0f}" for code in codes)
