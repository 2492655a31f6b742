"""Exports the tone of one shot of a clip: found or read, tabulated, compared with the conversion, written."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.lut.formats import default_name, format_of, write_lut
from lumaflux.lut.gain_grid import grid_of
from lumaflux.lut.shot_tone import LutError, cube_of, lut_error, shot_number
from lumaflux.options import LutFormat, ModelOptions, SourceOptions, ToneOptions
from lumaflux.render.job import Progress
from lumaflux.render.source import Source, settings_for
from lumaflux.render.tones import read_tones, tones_of
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter


def export(
    clip: Path,
    out: Path,
    load_converter: "Callable[[], Converter]",
    settings: Settings,
    options: ModelOptions,
    source_options: SourceOptions,
    shot: int = 1,
    track: Path | None = None,
    kind: LutFormat | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> list[str]:
    """Returns what was written and how far the conversion lies from it, in sentences. The table is that of the frame in
    the middle of the shot; so is the gain grid of a shader.

    Raises UserError for a clip, a track or a shot that is not there, before the model is loaded where that shows.
    """
    chosen = format_of(out, kind)
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists already; remove it, or allow overwriting (-y).")
    source, model = Source(clip, source_options), weights_identity(options)
    settings = settings_for(settings, source.info, clip)[0]
    found = None if track is None else read_tones(track, source, model).track
    if found is not None:
        shot_number(found, shot)
    converter = load_converter()
    found = found or tones_of(source, converter, settings, ToneOptions(), model, progress).track
    if found is None:
        raise UserError("at strength 0 no frame has a tone; leave the strength as it is")
    one = shot_number(found, shot)
    middle = (one.first + one.last) // 2
    look = found.settings_at(middle, settings)
    cube = cube_of(converter, found.tone_at(middle), look)
    grid = None
    if chosen == "mpv":
        number = middle if source.pattern is None else source.numbers[middle]
        (frame,) = source.read([number])
        grid = grid_of(frame.sdr, converter, found.tone_at(middle), look)
    grids = (None,) if grid is None else (None, grid)
    errors = lut_error(cube, source, found, one, converter, settings, grids)
    write_lut(out, cube, chosen, f"{default_name(clip)} shot {shot}", grid, overwrite=overwrite)
    side = cube.shape[0]
    said = [f"{out}: {chosen}, {side}x{side}x{side}, shot {shot}, frames {one.first} to {one.last}"]
    if grid is None:
        return [*said, *_told(errors[0])]
    height, width = grid.stops.shape
    return [
        f"{said[0]}, gain grid {width}x{height}",
        *_told(errors[1]),
        f"without the grid: {_figures(errors[0])}; mean by frame: {_by_frame(errors[0])}",
    ]


def _told(error: LutError) -> list[str]:
    return [
        f"against the conversion: {_figures(error)}",
        f"mean by frame: {_by_frame(error)}; where it rises away from the middle of the shot, the tone moves inside of "
        "the shot",
    ]


def _by_frame(error: LutError) -> str:
    return ", ".join(f"{number}: {mean:.2f}" for number, mean in error.frames.items())


def _figures(error: LutError) -> str:
    clipped = "" if error.clipped is None else f"; {error.clipped:.2f} where the source is clipped"
    shown, real = error.peak
    return (
        f"Delta-E-ITP mean {error.mean:.2f}, 95 % up to {error.percentile_95:.2f}{clipped}; "
        f"99.9 % of all light up to {shown:.0f} cd/m2 (conversion: {real:.0f})"
    )
