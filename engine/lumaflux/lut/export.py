"""Exports the tone of one shot of a clip: found or read, tabulated, compared with the conversion, written."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.lut.formats import default_name, format_of, write_lut
from lumaflux.lut.gain_grid import ShotGrid, grid_of, mean_grid
from lumaflux.lut.shot_tone import ClipShot, LutError, cube_of, lut_error, shot_number
from lumaflux.options import LutFormat
from lumaflux.render.request import Request
from lumaflux.render.source import Source, settings_for
from lumaflux.render.tones import ToneRequest, read_tones, tones_of


def export(clip: Path, out: Path, request: Request, shot: int = 1, kind: LutFormat | None = None) -> list[str]:
    """Returns what was written and how far the conversion lies from it, in sentences. The table is that of the frame in
    the middle of the shot. A shader has that of several gain grids which comes nearest to the conversion, or none.
    Of the request's job, the source, the model, the tone track and ``overwrite`` count.

    Raises UserError for a clip, a track or a shot that is not there, before the model is loaded where that shows.
    """
    chosen, job = format_of(out, kind), request.job
    if out.exists() and not job.overwrite:
        raise UserError(f"{out} exists already; remove it, or allow overwriting (-y).")
    source, model = Source(clip, job), weights_identity(job)
    settings = settings_for(request.settings, source.info, clip)[0]
    found = None if job.track is None else read_tones(Path(job.track), source, model).track
    if found is not None:
        shot_number(found, shot)
    converter = request.load_converter()
    if found is None:
        asked = ToneRequest(converter=converter, model=model, settings=settings, options=job)
        found = tones_of(source, asked, request.progress).track
    if found is None:
        raise UserError("at strength 0 no frame has a tone; leave the strength as it is")
    one = shot_number(found, shot)
    middle = (one.first + one.last) // 2
    whole = ClipShot(source=source, track=found, shot=one, converter=converter, settings=settings)
    look, tone = whole.look(middle)
    cube = cube_of(converter, tone, look)
    grids: dict[str, ShotGrid | None] = {"no gain grid": None}
    if chosen == "mpv":
        grids |= _grids(whole)
    measured = lut_error(cube, whole, list(grids.values()))
    errors = dict(zip(grids, measured, strict=True))
    best = min(errors, key=lambda name: errors[name].mean)
    write_lut(out, cube, chosen, f"{default_name(clip)} shot {shot}", grids[best], overwrite=job.overwrite)
    side = cube.shape[0]
    said = f"{out}: {chosen}, {side}x{side}x{side}, shot {shot}, frames {one.first} to {one.last}"
    if len(grids) == 1:
        return [said, *_told(errors[best])]
    others = (f"with {name}: {_figures(error)}" for name, error in errors.items() if name != best)
    return [f"{said}, {best}, which comes nearest to the conversion", *_told(errors[best]), *others]


def _grids(shot: ClipShot) -> dict[str, ShotGrid]:
    """What a shader may hold, by name: the light of the middle frame, or what the frames of the shot have in common."""
    found = []
    for number, sdr in shot.frames():
        settings, tone = shot.look(number)
        found.append(grid_of(sdr, shot.converter, tone, settings))
    middle, mean = found[len(found) // 2], mean_grid(found)
    if mean is None:
        return {}
    grids = {} if middle is None else {"the gain grid of the middle frame": middle}
    return grids | {"the shot's mean gain grid": mean, "half of the shot's mean gain grid": mean.times(0.5)}


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
