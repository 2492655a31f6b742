"""The command `lumaflux farm`. No logic."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from lumaflux.errors import FrameError, UserError
from lumaflux.options import EncodeOptions, FarmOptions, Flag, Overwrite
from lumaflux.options import part as options_of
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.farm.template import Bundle

farm = App(name="farm", help="Hand a job to a farm, run it here, and see that nothing is missing.")

_Source = Annotated[Path, Parameter(name="SOURCE")]  # --source is an option of the look
_Settings = Annotated[Settings, Parameter(name="*")]
_Options = Annotated[FarmOptions, Parameter(name="*")]
_Video = Annotated[EncodeOptions, Parameter(name="*")]
_Plates = Annotated[
    Path,
    Parameter(name="SOURCE", help="An SDR clip, or a numbered sequence: plates/name.%04d.png, name.####.png."),
]
_Target = Annotated[
    Path,
    Parameter(
        help="A directory for the frames; or a .mp4, .mov or .mkv, which a last step encodes from TARGET's .frames "
        "directory."
    ),
]
_Command = Annotated[str, Parameter(help="The lumaflux command on the workers.")]
_Out = Annotated[Path, Parameter(name=["--out", "-o"])]


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """What every way to hand over a whole job takes."""

    options: _Options = field(default_factory=FarmOptions)
    settings: _Settings = field(default_factory=Settings)
    video: _Video = field(default_factory=EncodeOptions)
    chunk: int = field(default=24, metadata={"help": "Frames that a worker is handed at a time."})

    def bundle(self, source: Path, target: Path, command: str) -> "Bundle":
        from lumaflux.farm.job_spec import job_spec
        from lumaflux.farm.submit import make_bundle

        spec = job_spec(source, self.settings, self.options)
        return make_bundle(spec, target, chunk=self.chunk, command=command, video=self.video)


_Job = Annotated[_Whole, Parameter(name="*")]


@farm.command
def job(
    source: _Plates,
    target: _Target,
    *,
    out: _Out,
    whole: _Job = _Whole(),
    command: _Command = "lumaflux",
    overwrite: Overwrite = False,
) -> None:
    """Write a job bundle (Open Job Description) for a farm, or for `lumaflux farm run`.

    Parameters
    ----------
    out
        The bundle, a directory.
    overwrite
        Replace an existing bundle.
    """
    from lumaflux.farm.template import write_bundle

    bundle = whole.bundle(source, target, command)
    print(f"{write_bundle(bundle, out, overwrite=overwrite)}: frames {bundle.numbers}, {whole.chunk} a task")


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
    from lumaflux.farm.local_run import run_bundle

    report = run_bundle(
        bundle,
        workers=workers,
        values={"Engine": command} if command else {},
        say=lambda line: print(line, file=sys.stderr),
    )
    print(f"{report.tasks} tasks done in {report.sessions} sessions, {report.retries} tried again")


@farm.command
def frames(
    source: _Source,
    folder: Path,
    *,
    only: str | None = None,
    options: _Options = FarmOptions(),  # noqa: B008 (frozen)
    settings: _Settings = Settings(),  # noqa: B008 (frozen)
) -> None:
    """Render frames of a job in this process: the plain unit of work for any other farm.

    Parameters
    ----------
    source
        An SDR clip, or a numbered sequence.
    folder
        The job's directory; the first to come makes it the job's.
    only
        The part of the job to render here: 1001-1020x2,1030; all of it if not named.
    """
    from lumaflux.farm.job_spec import job_spec
    from lumaflux.farm.submit import refuse_failures, render_here
    from lumaflux.progress import show_progress

    spec = job_spec(source, settings, options)
    with show_progress(source.name) as progress:
        chunk = render_here(spec, folder, only, progress)
    print(f"{folder}: {len(chunk.rendered)} frames rendered, {len(chunk.kept)} kept")
    refuse_failures(chunk)


@farm.command
def opencue(
    source: _Plates,
    target: _Target,
    *,
    out: _Out,
    show: str = "testing",
    shot: str = "test",
    whole: _Job = _Whole(),
    command: _Command = "lumaflux",
    overwrite: Overwrite = False,
) -> None:
    """Write a job for OpenCue: job.xml, and the file that it names.

    Parameters
    ----------
    out
        The directory for job.xml and job.json, which the hosts see under this name too.
    show
        OpenCue's show.
    shot
        OpenCue's shot.
    overwrite
        Replace an existing job.
    """
    from lumaflux.farm.opencue import write_job

    bundle = whole.bundle(source, target, command)
    written = write_job(bundle, out, show=show, shot=shot, overwrite=overwrite)
    print(f"{written}: frames {bundle.numbers}, {whole.chunk} a call")


@farm.command
def ray(
    source: _Plates,
    target: _Target,
    *,
    address: Annotated[str | None, Parameter(env_var="RAY_ADDRESS")] = None,
    workers: int | None = None,
    whole: _Job = _Whole(),
    overwrite: Overwrite = False,
) -> None:
    """Render over a Ray cluster whose nodes share the folders, and encode here. What is done already is kept.

    Parameters
    ----------
    address
        The cluster, as ray.init takes it; one on this machine if not named.
    workers
        Models at the same time; one for each GPU, or for each THREADS cores, if not named.
    overwrite
        Replace an existing target.
    """
    from lumaflux.farm.submit import render_on_ray
    from lumaflux.progress import show_progress

    bundle = whole.bundle(source, target, "")
    with show_progress(source.name) as progress:
        report = render_on_ray(bundle, address=address, workers=workers, overwrite=overwrite, progress=progress)
    hosts = ", ".join(f"{host} {count}" for host, count in sorted(report.hosts.items()))
    print(f"{target}: {len(report.chunk.rendered)} frames rendered ({hosts}), {len(report.chunk.kept)} kept")
    if report.lost:
        print(f"{report.lost} workers were lost on the way; others did their work", file=sys.stderr)


@farm.command(show=False)
def part(spec: Path, source: Path, folder: Path, *, first: int, count: int) -> None:
    """Render COUNT frames of a job from FIRST on (called by jobs of OpenCue)."""
    from lumaflux.farm.submit import refuse_failures, render_part

    refuse_failures(render_part(spec, source, folder, first, count, lambda done, total: print(f"{done} of {total}")))


@farm.command
def encode(
    folder: Path,
    target: Path,
    *,
    source: Path | None = None,
    fps: str | None = None,
    only: str | None = None,
    video: _Video = EncodeOptions(),  # noqa: B008 (frozen)
    overwrite: Overwrite = False,
    progress_lines: Flag = False,
) -> None:
    """Encode the frames of a job, with the time stamps and the sound of the source.

    Parameters
    ----------
    folder
        The job's directory.
    target
        A .mp4, .mov or .mkv.
    source
        The clip, where it is not where the job found it.
    fps
        Frames a second of a numbered sequence: 24 if not named, or 24000/1001.
    only
        The part of the job that was rendered just now: nothing is encoded while other frames are not there yet.
    overwrite
        Replace an existing target.
    progress_lines
        Say progress in lines, as farms read it.
    """
    from lumaflux.farm.encode import EncodeRequest, encode_job
    from lumaflux.farm.job import JobFolder

    def say(done: int, total: int | None) -> None:
        if progress_lines:
            print(f"openjd_progress: {100 * done / max(total or done, 1):.1f}", flush=True)

    def note(sentence: str) -> None:
        print(f"note: {sentence}", file=sys.stderr)

    request = options_of(EncodeRequest, video, source=source, fps=fps, only=only, overwrite=overwrite)
    count = encode_job(JobFolder(folder), target, request, progress=say, say=note)
    if count:
        print(f"{target}: {count} frames")


@farm.command
def status(folder: Path) -> None:
    """Show what of a job is done, missing and failed, where it was done, and what is left.

    Parameters
    ----------
    folder
        The job's directory.
    """
    from lumaflux.farm.check import status_lines, status_of
    from lumaflux.farm.job import JobFolder

    print("\n".join(status_lines(status_of(JobFolder(folder)))))


@farm.command
def verify(
    folder: Path,
    *,
    again: int = 0,
    video: Path | None = None,
    source: Path | None = None,
    seed: int | None = None,
    options: _Options = FarmOptions(),  # noqa: B008 (frozen)
) -> None:
    """Read every frame of a job: there, unchanged since it was written, decodable. Exit code 3 if not all are.

    Parameters
    ----------
    folder
        The job's directory.
    again
        Render so many of the frames again, drawn by chance, and compare them; exit code 4 where one differs. Options
        that name files are those of the job.
    video
        A video that `farm encode` made: decode those frames (five, if none are rendered) and compare them.
    source
        The clip, where it is not where the job found it.
    seed
        Draws the frames; by chance if not named.
    """
    from lumaflux.farm.check import verdict_lines, verify_job
    from lumaflux.farm.job import JobFolder
    from lumaflux.progress import show_progress

    job = JobFolder(folder)
    with show_progress(folder.name) as progress:
        verdict = verify_job(job, progress)
    print("\n".join(verdict_lines(verdict)))
    if not verdict.sound:
        raise FrameError(f"{folder} is not whole; rendering it again mends it")
    if again or video is not None:
        from lumaflux.farm.proof import told

        with show_progress(folder.name) as progress:
            said = told(job, options, source=source, frames=again, seed=seed, video=video, progress=progress)
        print("\n".join(said))


@farm.command(show=False)
def engine_start(spec: Path, source: Path, folder: Path) -> None:
    """Start the engine of a worker session (called by job bundles)."""
    from lumaflux.farm.session import start_engine

    _said(lambda: start_engine(spec, source, folder))


@farm.command(show=False)
def chunk(frames: str) -> None:
    """Have frames rendered by the session's engine (called by job bundles)."""
    from lumaflux.farm.session import ask

    _said(lambda: ask(_engine(), frames))


@farm.command(show=False)
def engine_stop() -> None:
    """Stop the session's engine (called by job bundles)."""
    from lumaflux.farm.session import VARIABLE, stop_engine

    if VARIABLE in os.environ:
        stop_engine(_engine())


def _engine() -> Path:
    from lumaflux.farm.session import VARIABLE

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
