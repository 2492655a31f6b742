"""`lumaflux export-lut`. No logic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lumaflux.options import LutFormat, ModelOptions, Overwrite, SourceOptions, part
from lumaflux.settings import Settings


@dataclass(frozen=True, kw_only=True)
class LutOptions(ModelOptions, SourceOptions):
    """What the tone of a shot depends on."""


def export_lut(
    clip: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    shot: int = 1,
    track: Path | None = None,
    format: LutFormat | None = None,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    options: Annotated[LutOptions, Parameter(name="*")] = LutOptions(),
    overwrite: Overwrite = False,
) -> None:
    """Write the tone of one shot as a lookup table or a shader for mpv, and print how far a conversion lies from it.

    Parameters
    ----------
    clip
        An SDR clip, or a numbered sequence.
    out
        A .cube, .clf or .hook file.
    shot
        The shot, counted from 1.
    track
        A tone track that `lumaflux analyze` wrote; it is found first, on the whole clip, if not named.
    format
        cube, clf or mpv; by the suffix if not named.
    overwrite
        Replace an existing file (-y), or refuse to (-n).
    """
    from lumaflux.inference.load import load_chosen
    from lumaflux.lut.export import export
    from lumaflux.progress import show_progress
    from lumaflux.render.job import Job
    from lumaflux.render.request import Request

    job = part(Job, options, track=None if track is None else str(track), overwrite=overwrite)
    with show_progress(clip.name) as progress:
        request = Request(load_converter=lambda: load_chosen(options), settings=settings, job=job, progress=progress)
        made = export(clip, out, request, shot, format)
    print("\n".join(made))
