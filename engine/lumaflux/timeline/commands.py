"""The command `lumaflux timeline`. No logic."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from lumaflux.errors import FrameError, UserError
from lumaflux.options import ModelOptions, RenderingOptions, part
from lumaflux.settings import Settings
from lumaflux.torch_import import import_torch

if TYPE_CHECKING:
    from lumaflux.timeline.render import Outcome

timeline = App(name="timeline", help="Show and render the clips of an editor's timeline (OpenTimelineIO).")

_Many = Annotated[list[str] | None, Parameter(negative="")]


@timeline.command
def show(
    file: Path,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    map_: Annotated[_Many, Parameter(name="--map")] = None,
) -> None:
    """List the clips that carry the effect LumaFlux ITM: their media, frames and settings.

    Parameters
    ----------
    file
        An .otio, .otioz or .otiod file.
    all_
        List every clip.
    map_
        FROM=TO: where media that begin with FROM lie on this machine. May be given many times.
    """
    from lumaflux.timeline.plan import TimelineOptions
    from lumaflux.timeline.render import find, lines_of

    options = TimelineOptions(all_clips=all_, mapped=_mapped(map_ or []))
    print("\n".join(lines_of(find(file, options)[1], options)))


@timeline.command
def render(
    file: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    name: str | None = None,
    handles: int = 0,
    container: Literal["mov", "mp4", "mkv"] = "mov",
    map_: Annotated[_Many, Parameter(name="--map")] = None,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    options: Annotated[RenderingOptions, Parameter(name="*")] = RenderingOptions(),  # noqa: B008 (frozen)
) -> None:
    """Render what a timeline needs to HDR, once each, and write a new timeline that shows it.

    Parameters
    ----------
    file
        An .otio, .otioz or .otiod file. It stays as it is.
    out
        The directory for the HDR media and for the new timeline, NAME-hdr.otio. A run that was stopped goes on.
    all_
        Render every clip; those without the effect with the settings given here.
    name
        Render the clips of this name.
    handles
        Frames beyond each end of a clip, as far as its media has them.
    container
        mov, mp4 or mkv.
    map_
        FROM=TO: where media that begin with FROM lie on this machine. May be given many times.
    """
    from lumaflux.progress import show_progress
    from lumaflux.timeline.plan import TimelineOptions
    from lumaflux.timeline.render import render_timeline

    def load_converter(model: ModelOptions):
        import_torch()
        from lumaflux.inference.load import load_chosen

        return load_chosen(model)

    asked = part(
        TimelineOptions,
        options,
        all_clips=all_,
        name=name,
        handles=handles,
        mapped=_mapped(map_ or []),
        settings=settings,
        container=f".{container}",
    )
    with show_progress(file.name) as progress:
        outcome = render_timeline(file, out, load_converter, asked, progress)
    _tell(outcome)


def _tell(outcome: "Outcome") -> None:
    """Raises FrameError where clips were not rendered."""
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr)
    for skipped in outcome.skipped:
        print(f"left as it was: {skipped.where}: {skipped.reason}", file=sys.stderr)
    print(
        f"{outcome.timeline}: {outcome.relinked} clips show HDR media ({outcome.made} files made, {outcome.kept} kept)"
    )
    if lost := [skipped for skipped in outcome.skipped if skipped.lost]:
        raise FrameError(f"{len(lost)} {'clip was' if len(lost) == 1 else 'clips were'} not rendered")


def _mapped(pairs: list[str]):
    prefixes = []
    for pair in pairs:
        before, equals, after = pair.partition("=")
        if not (before and equals):
            raise UserError(f"--map is '{pair}'; write it as FROM=TO")
        prefixes.append((before, after))

    def mapped(path: str) -> str:
        for before, after in prefixes:
            if path.startswith(before):
                return after + path[len(before) :]
        return path

    return mapped
