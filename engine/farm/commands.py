"""The commands `lumaflux farm` and `lumaflux timeline`. No logic."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from engine.errors import FrameError, UserError
from engine.settings import Settings

farm = App(name="farm", help="Hand a job to a farm, run it here, and see that nothing is missing.")
timeline = App(name="timeline", help="Show and render the clips of an editor's timeline (OpenTimelineIO).")

_Many = Annotated[list[str] | None, Parameter(negative="")]
_Flag = Annotated[bool, Parameter(negative="")]

_Source = Annotated[Settings, Parameter(name="*")]
_Precision = Literal["fp32", "bf16", "fp16"]
_Overwrite = Annotated[bool, Parameter(name=["--overwrite", "-y"], negative="")]


@farm.command
def job(
    source: Path,
    target: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    frames: str | None = None,
    chunk: int = 24,
    settings: _Source = Settings(),  # noqa: B008 (frozen)
    model: str = "lite",
    tone_track: Path | None = None,
    device: str | None = None,
    precision: _Precision | None = None,
    threads: int = 1,
    force_sdr: _Flag = False,
    copy_audio: bool = True,
    command: str = "lumaflux",
    overwrite: _Overwrite = False,
) -> None:
    """Write a job bundle (Open Job Description) for a farm, or for `lumaflux farm run`.

    Parameters
    ----------
    source
        An SDR clip, or a numbered sequence: plates/name.%04d.png, name.####.png.
    target
        A directory for the frames; or a .mp4, .mov or .mkv, which a last step encodes from TARGET's .frames directory.
    out
        The bundle, a directory.
    frames
        The frames to render: 1001-1020x2,1030; all if not named. A clip counts from 0.
    chunk
        Frames a task.
    model
        lite, or a model directory that the workers see under the same name.
    tone_track
        A file of `lumaflux analyze`, for renderings that do not pump.
    device
        The kind of device of the workers: cpu or cuda; their first one if not named.
    precision
        fp32, bf16 or fp16; fp32 on the CPU and bf16 elsewhere if not named.
    threads
        CPU threads of a worker. Sums depend on it, so it is the same on all of them.
    force_sdr
        Read a PQ- or HLG-tagged source as if it were SDR.
    copy_audio
        Copy the sound of the source as it is.
    command
        The lumaflux command on the workers.
    overwrite
        Replace an existing bundle.
    """
    from engine.farm.manifest import Order
    from engine.farm.submit import make_bundle

    order = Order(
        source=source,
        settings=settings,
        model=model,
        frames=frames,
        tone_track=tone_track,
        device=device,
        precision=precision,
        threads=threads,
        force_sdr=force_sdr,
    )
    bundle = make_bundle(order, target, chunk=chunk, command=command, copy_audio=copy_audio)
    from engine.farm.template import write_bundle

    print(f"{write_bundle(bundle, out, overwrite=overwrite)}: frames {bundle.numbers}, {chunk} a task")


@farm.command
def run(bundle: Path, *, workers: int = 1, command: str | None = None) -> None:
    """Run a job bundle on this machine. What is done already is kept; what fails is tried again.

    Parameters
    ----------
    bundle
        The directory that `lumaflux farm job` wrote.
    workers
        Sessions at the same time; each loads the model once.
    command
        The lumaflux command, where it is not the one of the bundle.
    """
    from engine.farm.local_run import run_bundle

    report = run_bundle(
        bundle,
        workers=workers,
        values={"Engine": command} if command else {},
        say=lambda line: print(line, file=sys.stderr),
    )
    print(f"{report.tasks} tasks done in {report.sessions} sessions, {report.retries} tried again")


@farm.command
def frames(
    source: Path,
    folder: Path,
    *,
    frames: str | None = None,
    of: str | None = None,
    settings: _Source = Settings(),  # noqa: B008 (frozen)
    model: str = "lite",
    tone_track: Path | None = None,
    device: str | None = None,
    precision: _Precision | None = None,
    threads: int = 1,
    force_sdr: _Flag = False,
) -> None:
    """Render frames of a job in this process: the plain unit of work for any other farm.

    Parameters
    ----------
    source
        An SDR clip, or a numbered sequence.
    folder
        The job's directory; the first to come makes it the job's.
    frames
        The frames to render here: 1001-1020x2,1030; all if not named.
    of
        All frames of the job, where it is not the whole source; the same for every call.
    model
        lite, or a model directory.
    tone_track
        A file of `lumaflux analyze`.
    device
        As `lumaflux doctor` lists them; the first of them if not named.
    precision
        fp32, bf16 or fp16; fp32 on the CPU and bf16 elsewhere if not named.
    threads
        CPU threads; the same for every call.
    force_sdr
        Read a PQ- or HLG-tagged source as if it were SDR.
    """
    from engine.farm.manifest import Order
    from engine.farm.submit import render_here
    from engine.progress import show_progress

    order = Order(
        source=source,
        settings=settings,
        model=model,
        frames=of,
        tone_track=tone_track,
        device=device,
        precision=precision,
        threads=threads,
        force_sdr=force_sdr,
    )
    with show_progress(source.name) as progress:
        chunk = render_here(order, folder, frames, progress)
    print(f"{folder}: {len(chunk.rendered)} frames rendered, {len(chunk.kept)} kept")
    if chunk.failed:
        reasons = "; ".join(f"{number}: {reason}" for number, reason in chunk.failed.items())
        raise FrameError(f"{len(chunk.failed)} frames failed: {reasons}")


@farm.command
def encode(
    folder: Path,
    target: Path,
    *,
    source: Path | None = None,
    rate: str | None = None,
    copy_audio: bool = True,
    overwrite: _Overwrite = False,
    progress_lines: _Flag = False,
) -> None:
    """Encode the frames of a job to HDR10, with the time stamps and the sound of the source.

    Parameters
    ----------
    folder
        The job's directory.
    target
        A .mp4, .mov or .mkv.
    source
        The clip, where it is not where the job found it.
    rate
        Frames per second of a numbered sequence: 24, 24000/1001.
    copy_audio
        Copy the sound of the source as it is.
    overwrite
        Replace an existing target.
    progress_lines
        Say progress in lines, as farms read it.
    """
    from engine.farm.submit import encode_here

    count = encode_here(folder, target, source, rate, copy_audio=copy_audio, overwrite=overwrite, lines=progress_lines)
    print(f"{target}: {count} frames")


@farm.command
def status(folder: Path) -> None:
    """Show what of a job is done, missing and failed, where it was done, and what is left.

    Parameters
    ----------
    folder
        The job's directory.
    """
    from engine.farm.check import status_lines, status_of
    from engine.farm.job import JobFolder

    print("\n".join(status_lines(status_of(JobFolder(folder)))))


@farm.command
def verify(folder: Path) -> None:
    """Read every frame of a job: there, unchanged since it was written, decodable. Exit code 3 if not all are.

    Parameters
    ----------
    folder
        The job's directory.
    """
    from engine.farm.check import verdict_lines, verify_job
    from engine.farm.job import JobFolder
    from engine.progress import show_progress

    with show_progress(folder.name) as progress:
        verdict = verify_job(JobFolder(folder), progress)
    print("\n".join(verdict_lines(verdict)))
    if not verdict.sound:
        raise FrameError(f"{folder} is not whole; rendering it again mends it")


@farm.command(show=False)
def engine_start(order: Path, source: Path, folder: Path) -> None:
    """Start the engine of a worker session (called by job bundles)."""
    from engine.farm.session import start_engine

    _said(lambda: start_engine(order, source, folder))


@farm.command(show=False)
def chunk(frames: str) -> None:
    """Have frames rendered by the session's engine (called by job bundles)."""
    from engine.farm.session import ask

    _said(lambda: ask(_engine(), frames))


@farm.command(show=False)
def engine_stop() -> None:
    """Stop the session's engine (called by job bundles)."""
    from engine.farm.session import VARIABLE, stop_engine

    if VARIABLE in os.environ:
        stop_engine(_engine())


def _engine() -> Path:
    from engine.farm.session import VARIABLE

    if VARIABLE not in os.environ:
        raise UserError(f"{VARIABLE} is not set; this command is called by job bundles, after engine-start.")
    return Path(os.environ[VARIABLE])


def _said(action: Callable[[], object]) -> None:
    """Farms show what is said by openjd_fail beside the task."""
    try:
        action()
    except UserError as error:
        print(f"openjd_fail: {error}", flush=True)
        raise


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
    from engine.farm.timeline_plan import TimelineOptions
    from engine.farm.timeline_render import find, lines_of

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
    model: str | None = None,
    device: str | None = None,
    precision: Literal["fp32", "bf16", "fp16"] | None = None,
    overwrite: Annotated[bool, Parameter(name=["--overwrite", "-y"], negative="")] = False,
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
    model
        A model for all clips; else what each effect names.
    device
        As `lumaflux doctor` lists them; the first of them if not named.
    precision
        fp32, bf16 or fp16; fp32 on the CPU and bf16 elsewhere if not named.
    overwrite
        Render files anew that are there already.
    """
    from engine.farm.timeline_plan import TimelineOptions
    from engine.farm.timeline_render import render_timeline
    from engine.progress import show_progress

    def load_converter(model: str):
        from engine.inference.load import load

        return load(model, device=device, dtype=precision)

    options = TimelineOptions(
        all_clips=all_,
        name=name,
        handles=handles,
        mapped=_mapped(map_ or []),
        model=model,
        settings=settings,
        container=f".{container}",
        overwrite=overwrite,
    )
    with show_progress(file.name) as progress:
        outcome = render_timeline(file, out, load_converter, options, progress)
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
