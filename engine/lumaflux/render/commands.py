"""`lumaflux convert`, `watch`, `analyze` and `info`. No logic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lumaflux.errors import UserError
from lumaflux.options import DamageOptions, Flag, MatchOptions, ModelOptions, Overwrite, SourceOptions, ToneOptions
from lumaflux.render.job import Job
from lumaflux.settings import Settings
from lumaflux.torch_import import import_torch


def convert(
    *files: Path,
    inputs: Annotated[list[Path] | None, Parameter(name=["--input", "-i"], negative="")] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    job: Annotated[Job, Parameter(name="*")] = Job(),  # noqa: B008 (frozen)
    progress: Literal["rich", "plain", "json", "none"] = "rich",
    report: Path | None = None,
) -> None:
    """Convert a clip, a numbered sequence or pictures to HDR: SOURCE TARGET, or SOURCE SOURCE ... DIRECTORY.

    Parameters
    ----------
    files
        Sources, and the target last. A source is an SDR clip, a sequence (shot.%04d.exr, shot.####.png, shot.@.dpx), a
        picture, a directory, or - for standard input. A target is a .mp4, .mov, .mkv or .y4m; pictures numbered as in
        shot.%04d.exr; a picture for a picture; a directory for one, or for several sources; or - for standard output.
    inputs
        A source; may be given often.
    output
        The target.
    progress
        How progress is shown, on standard error.
    report
        A JSON file for what was done and the light levels measured, in whatever way it ends.
    """
    from lumaflux.inference.installed_engine import with_engine
    from lumaflux.progress import show_progress, show_report
    from lumaflux.render.clip import refuse_damage
    from lumaflux.render.named_files import refuse_overwriting
    from lumaflux.render.report_file import kept_in
    from lumaflux.render.run import convert as run

    sources, target = _sources_and_target([*(inputs or ()), *files], output)
    refuse_overwriting(sources, target, job, report)
    with kept_in(report, settings, job) as kept:
        chosen = kept.job = with_engine(job)

        def load_converter():
            import_torch()
            from lumaflux.inference.load import load_chosen

            return load_chosen(chosen)

        title = sources[0].name if len(sources) == 1 else f"{len(sources)} sources"
        with show_progress(title, progress) as update:
            kept.reports += run(sources, target, load_converter, settings, chosen, update)
    show_report(kept.reports)
    for each in kept.reports:
        refuse_damage(each)


def _sources_and_target(files: list[Path], output: Path | None) -> tuple[list[Path], Path]:
    """Raises UserError where one of them is missing."""
    if output is None and len(files) > 1:
        *files, output = files
    if output is None or not files:
        lacks = "a source and a target" if not files else f"a target for {files[0]}"
        raise UserError(f"convert lacks {lacks}; write: lumaflux convert SOURCE TARGET")
    return files, output


def watch(
    folder: Path,
    out: Path,
    *,
    every: float = 2.0,
    once: Flag = False,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    job: Annotated[Job, Parameter(name="*")] = Job(),  # noqa: B008 (frozen)
    progress: Literal["rich", "plain", "json", "none"] = "rich",
) -> None:
    """Convert what comes into a folder, once it is whole, until Ctrl-C; a later run goes on.

    Parameters
    ----------
    folder
        Where pictures and videos come.
    out
        Where their results go, with the status file lumaflux-watch.json.
    every
        Seconds between looks. A file is taken when two looks in a row find it unchanged.
    once
        End when all that is there is done.
    progress
        How progress is shown, on standard error.
    """
    from lumaflux.inference.installed_engine import with_engine
    from lumaflux.progress import show_progress
    from lumaflux.render.watch import Watch
    from lumaflux.render.watch import watch as run

    chosen = with_engine(job)

    def load_converter():
        import_torch()
        from lumaflux.inference.load import load_chosen

        return load_chosen(chosen)

    def told(name, entry):
        print(f"{name}: {entry.error or f'{entry.target}, {entry.frames} frames'}", flush=True)

    made = Watch(folder, out, settings, chosen, load_converter)
    with show_progress(folder.name, progress) as update:
        run(made, update, every=every, once=once, told=told)


@dataclass(frozen=True, kw_only=True)
class AnalyzeOptions(MatchOptions, DamageOptions, ModelOptions, SourceOptions):
    """What a tone track depends on; always of the whole source."""


def analyze(
    source: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    options: Annotated[AnalyzeOptions, Parameter(name="*")] = AnalyzeOptions(),
    steps: int = 0,
    seed: int = 0,
    overwrite: Overwrite = False,
) -> None:
    """Find the shots of a clip and the tone of each, for renderings that do not pump.

    Parameters
    ----------
    source
        A clip, or a numbered sequence. It is always read whole.
    out
        The tone track, a JSON file that people can edit.
    steps
        Steps of the sampler; 0 takes the model's own number.
    seed
        The bridge's noise.
    overwrite
        Replace an existing track (-y), or refuse to (-n).
    """
    from lumaflux.inference.tone_track import text_of
    from lumaflux.inference.weights import weights_identity
    from lumaflux.media.atomic_file import AtomicFile
    from lumaflux.progress import show_progress
    from lumaflux.render.source import Source
    from lumaflux.render.tones import ToneRequest
    from lumaflux.render.tones import analyze as run

    opened = Source(source, options, keep_going=options.keep_going)
    _ = opened.info  # before anything large is loaded
    import_torch()
    from lumaflux.inference.load import load_chosen  # which takes seconds

    settings, model = Settings(steps=steps, seed=seed), weights_identity(options)
    with AtomicFile(out, overwrite=overwrite, sources=(source,)) as file, show_progress(source.name) as progress:
        tones = ToneOptions(match=options.match)
        asked = ToneRequest(converter=load_chosen(options), model=model, settings=settings, options=tones)
        track = run(opened, asked, progress)
        file.partial.write_text(text_of(track), "utf-8")
    shots = len(track.shots)
    print(f"{out}: {track.clip.frames} frames, {shots} {'shot' if shots == 1 else 'shots'}")


def restore(
    hdr: Path,
    sidecar: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    overwrite: Overwrite = False,
) -> None:
    """Make the SDR video again that an HDR one was converted from with --sdr-exact.

    Parameters
    ----------
    hdr
        The HDR video.
    sidecar
        The file that was written beside it (NAME.sdr).
    out
        A .mkv (FFV1, R'G'B' of 8 bits), or numbered pictures: sdr.%04d.png.
    overwrite
        Replace what is there (-y), or refuse to (-n).
    """
    from lumaflux.progress import restored_lines, show_progress
    from lumaflux.render.restore import restore as run

    with show_progress(hdr.name) as progress:
        made = run(hdr, sidecar, out, overwrite=overwrite, progress=progress)
    print(f"{out}: {made['frames']} frames")
    if made["measured"]:
        print("As the conversion measured it:\n" + "\n".join(restored_lines(made["measured"])))


def verify(
    certificate: Path,
    *,
    source: Path | None = None,
    output: Path | None = None,
    frames: int = 5,
    seed: int | None = None,
    progress: Literal["rich", "plain", "json", "none"] = "rich",
) -> None:
    """Prove a certificate: compare source and output with it, and render some of its frames again.

    Parameters
    ----------
    certificate
        The file that convert --certificate wrote.
    source
        Where the source is now, if it is not where it was.
    output
        Where the output is now.
    frames
        How many frames are rendered again.
    seed
        Draws the frames; by chance if not named.
    progress
        How progress is shown, on standard error.
    """
    from lumaflux.progress import show_progress
    from lumaflux.render.verify import verify as run

    import_torch()
    from lumaflux.inference.load import load_chosen

    with show_progress(certificate.name, progress) as update:
        told = run(certificate, load_chosen, source=source, output=output, frames=frames, seed=seed, progress=update)
    print(told.sentence(certificate))


def info(file: Path, *, measure: Flag = False) -> None:
    """Show a file's format, range, primaries, transfer, HDR metadata and light levels.

    Parameters
    ----------
    file
        A clip or a picture.
    measure
        Decode the whole of an HDR file and measure its light: MaxCLL, MaxFALL and percentiles, shot by shot.
    """
    from lumaflux.media.metadata.info import probe
    from lumaflux.progress import show_info, show_light

    facts = probe(file)
    show_info(facts)
    if measure:
        from lumaflux.media.metadata.shot_levels import measure_light

        show_light(measure_light(facts))


def list_devices() -> None:
    """What ``--list-devices`` prints: names that ``--device`` takes, the preferred first."""
    from lumaflux.backends.device import list_devices as found

    for name, detail in found():
        print(f"{name}\t{detail}")
