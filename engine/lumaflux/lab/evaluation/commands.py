"""The `lumaflux luma-eval` commands: build a set, run methods on it, report, compare variants. No logic."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.lab.evaluation.run import Outcome


def _chosen(text: str) -> Parameter:
    return Parameter(help=text, negative="", consume_multiple=False, show_default=False)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """See ``run_benchmark``, ``Benchmark`` and ``Selection``."""

    preset: Annotated[str, Parameter(help="luma-eval, hdrtv1k or diagnosis: fixes every option.")] = "luma-eval"
    workers: Annotated[
        int, Parameter(help="Processes that score at the same time; the scores do not depend on it.")
    ] = 1
    threads: Annotated[int, Parameter(help="Threads of each worker; scores may depend on it in their last digits.")] = 1
    scenes: Annotated[tuple[str, ...], _chosen("Only this scene. Many times for many, as the next three.")] = ()
    renderings: Annotated[tuple[str, ...], _chosen("Only this rendering.")] = ()
    crf: Annotated[tuple[int, ...], _chosen("Only this CRF.")] = ()
    splits: Annotated[tuple[str, ...], _chosen("Only this split.")] = ()
    frames_per_clip: Annotated[int | None, Parameter(help="Only the first frames of each clip.")] = None
    steps: Annotated[int, Parameter(help="Sampler steps of models; 0 takes the model's own.")] = 0
    device: Annotated[str | None, Parameter(help="Where models run, as `lumaflux doctor` lists them.")] = None
    precision: Annotated[str | None, Parameter(help="fp32, bf16 or fp16, for models.")] = None
    lpips_weights: Annotated[
        Path | None,
        Parameter(help='AlexNet and LPIPS weights (safetensors) for HDR-LPIPS, which is "unavailable" without them.'),
    ] = None
    fresh: Annotated[
        bool, Parameter(help="Score these methods anew; results made under other options are thrown away.", negative="")
    ] = False


app = App(name="luma-eval", help="Build a benchmark set, score methods on it, and report.")

_Many = Annotated[list[str] | None, Parameter(negative="")]


@app.command
def build(
    specification: str,
    target: Path,
    *,
    packages: Path | None = None,
    hdr_dir: Annotated[Path | None, Parameter(env_var="HDR_DIR")] = None,
    root: _Many = None,
) -> None:
    """Make a set: HDR references, and SDR clips rendered and encoded from them, with a checksum for every file.

    Parameters
    ----------
    specification
        luma-eval, mini, hdrtv1k, hdrtv4k, live-tmhdr, or a YAML file: sources, splits, renderings, CRFs.
    target
        The folder of the set. A build that was stopped goes on.
    packages
        The folder of freely licensed material that `python -m lumaflux.lab.data.fetch` fills.
    hdr_dir
        A folder of further HDR material.
    root
        NAME=DIR: where a collection that the description names lies. May be given many times.
    """
    roots = {name: Path(folder) for name, folder in _named(root or [], "--root", "DIR").items()}

    from lumaflux.lab.evaluation.sets.build import build_set
    from lumaflux.progress import show_progress

    with show_progress(target.name) as progress:
        manifest = build_set(specification, target, packages=packages, hdr_dir=hdr_dir, roots=roots, progress=progress)
    print(f"{target}: {len(manifest.clips)} clips of {len({clip.scene for clip in manifest.clips})} scenes")


@app.command
def verify(target: Path) -> None:
    """Check every file of a set against its checksum.

    Parameters
    ----------
    target
        The folder of the set.
    """
    from lumaflux.lab.evaluation.sets.manifest import damaged_files, read_manifest

    manifest = read_manifest(target)
    if damaged := damaged_files(target, manifest):
        raise UserError(
            f"{len(damaged)} files of {target} are missing or damaged: {', '.join(damaged)}; build it again"
        )
    print(f"{target}: {len(manifest.files)} files of {len(manifest.clips)} clips are sound")


@app.command
def run(
    target: Annotated[Path, Parameter(name=["SET", "--set"])],
    out: Path,
    *,
    method: Annotated[list[str], Parameter(negative="")],
    options: Annotated[RunOptions, Parameter(name="*")] = RunOptions(),
    baseline: str | None = None,
    report: bool = True,
) -> None:
    """Score methods on a set. Clips that are scored already are kept, so that a stopped run goes on.

    Parameters
    ----------
    target
        The folder of the set.
    out
        The folder of the run: results.jsonl, options.json and the report.
    method
        none, static-203, inverse-bt2446a, inverse-bt2446c, inverse-reinhard, inverse-bt2390, inverse-aces-1.3,
        inverse-aces-2.0, static-curve[=FILE.json], oracle-curve, oracle, model:NAME_OR_DIRECTORY[:direct|:bypass],
        NAME=DIRECTORY (of CLIP/000000.png and so on) or NAME=FILE.jsonl ({"clip", "frame", "prediction"}).
        May be given many times; NAME=METHOD renames.
    baseline
        The method that the report compares the others with.
    report
        Write the report when all is scored.
    """
    from lumaflux.lab.evaluation.report.run_folder import read_run
    from lumaflux.lab.evaluation.run import refuse_failures
    from lumaflux.progress import show_standings

    outcome = _run(target, out, method, options)
    show_standings(read_run(out, target))
    if report:
        _report(out, target, baseline)
    refuse_failures(outcome, out)


@app.command
def ablation(
    target: Annotated[Path, Parameter(name=["SET", "--set"])],
    out: Path,
    *,
    variant: Annotated[list[str], Parameter(negative="")],
    options: Annotated[RunOptions, Parameter(name="*")] = RunOptions(),
) -> None:
    """Score trained variants of the model and write the paper's ablation table: each against the one before.

    Parameters
    ----------
    target
        The folder of the set.
    out
        The folder of the run; variants that are scored there already are kept.
    variant
        VARIANT=METHOD, a method as `luma-eval run` takes it, for instance pga=model:DIRECTORY. The variants are
        flux-lora, pga-no-gate, pga, pcm, spline-linear, spline-monotone.
    """
    from lumaflux.lab.evaluation.report.ablation import parse_variants, write_ablation
    from lumaflux.lab.evaluation.run import refuse_failures

    variants = parse_variants(variant)
    outcome = _run(target, out, [f"{name}={method}" for name, method in variants.items()], options)
    for file in write_ablation(out, set_folder=target, variants={name: name for name in variants}):
        print(f"wrote {file}")
    refuse_failures(outcome, out)


@app.command
def report(
    out: Path,
    *,
    target: Annotated[Path, Parameter(name=["--set"])],
    baseline: str | None = None,
    worst: int = 3,
) -> None:
    """Write the report of a run again: JSON, CSV, Markdown and one HTML page.

    Parameters
    ----------
    out
        The folder of the run.
    target
        The folder of the set, for the pictures.
    baseline
        The method that the others are compared with.
    worst
        How many of each method's worst and best frames are shown.
    """
    _report(out, target, baseline, worst)


@app.command
def invariants(method: str = "model:lite") -> None:
    """Measure what must not change a picture's light: bars, subtitles, pages, flat fields, dimmed and cropped pictures.

    Parameters
    ----------
    method
        A model (model:NAME_OR_DIR) or a baseline's name.
    """
    from lumaflux.lab.evaluation.invariants import measured, night_over_static, renderer_named

    render = renderer_named(method)
    for found in measured(render):
        verdict = "kept" if found.kept else "MISSED"
        print(f"{found.name:40} {found.value:8.3f} {found.unit:6} limit {found.limit:g}: {verdict}")
    print(f"{'night over static placement: median':40} {night_over_static(render):8.3f} stops")


@app.command
def fit_curve(pool: Path, target: Path) -> None:
    """Fit the static curve to training views through the eight renderings; the one that ships was made like this.

    Parameters
    ----------
    pool
        The views, made by `python -m lumaflux.lab.data.views`.
    target
        Where the curve is written (JSON), for --method static-curve=FILE.json.
    """
    from lumaflux.lab.evaluation.static_curve_fit import fit_on_views
    from lumaflux.progress import show_progress

    with show_progress(target.name) as progress:
        fit_on_views(pool, target, progress)
    print(f"wrote {target}")


@app.command
def lpips_weights(
    target: Path,
    source: Annotated[list[Path], Parameter(name=["SOURCE", "--source"], consume_multiple=True)],
    *,
    overwrite: Annotated[bool, Parameter(name=["--overwrite", "-y"], negative="")] = False,
) -> None:
    """Convert published LPIPS weights for --lpips-weights; docs/luma-eval.md says where to get them.

    Parameters
    ----------
    target
        The safetensors file to write.
    source
        torchvision's AlexNet and the package lpips's weights/v0.1/alex.pth, in any order; or one file with both.
    overwrite
        Replace an existing file.
    """
    from lumaflux.lab.evaluation.metrics.lpips_checkpoint import convert_lpips

    convert_lpips(source, target, overwrite=overwrite)
    print(f"wrote {target}")


def _run(target: Path, out: Path, methods: list[str], options: RunOptions) -> "Outcome":
    from lumaflux.lab.evaluation.run import run_benchmark
    from lumaflux.lab.evaluation.selection import Selection
    from lumaflux.lab.evaluation.units import Benchmark
    from lumaflux.progress import show_progress
    from lumaflux.settings import Settings

    selection = Selection(
        scenes=options.scenes,
        renderings=options.renderings,
        crf=options.crf,
        splits=options.splits,
        frames_per_clip=options.frames_per_clip,
    )
    with show_progress(out.name) as progress:
        outcome = run_benchmark(
            Benchmark(
                folder=target,
                methods=tuple(methods),
                preset=options.preset,
                selection=selection,
                settings=Settings(steps=options.steps),
                device=options.device,
                precision=options.precision,
                lpips_weights=options.lpips_weights,
            ),
            out,
            workers=options.workers,
            threads=options.threads,
            fresh=options.fresh,
            progress=progress,
        )
    print(f"{out}: {outcome.scored} frames scored, {outcome.kept} kept from before")
    return outcome


def _report(out: Path, target: Path, baseline: str | None, worst: int = 3) -> None:
    from lumaflux.lab.evaluation.render import FrameRenderer
    from lumaflux.lab.evaluation.report.write import write_report
    from lumaflux.lab.evaluation.resume import read_options
    from lumaflux.progress import show_progress

    render = FrameRenderer(target, read_options(out))
    with show_progress("report") as progress:
        files = write_report(out, set_folder=target, render=render, baseline=baseline, worst=worst, progress=progress)
    for file in files:
        print(f"wrote {file}")


def _named(texts: list[str], option: str, what: str) -> dict[str, str]:
    """NAME=VALUE texts by name; raises UserError for others."""
    named: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UserError(f"{option} {text} must be NAME={what}")
        if name in named:
            raise UserError(f"{option} names {name} a second time; keep one")
        named[name] = value
    return named
