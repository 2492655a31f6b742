"""The `lumaflux` command: one function a sub-command, no logic. Exit codes are those of lumaflux.endings."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from lumaflux.demo.commands import demo
from lumaflux.endings import end_by_signals, told
from lumaflux.errors import refuse_bytes
from lumaflux.farm.commands import farm
from lumaflux.lab.bench.commands import bench
from lumaflux.lab.evaluation.commands import app as luma_eval
from lumaflux.lab.training.commands import learn
from lumaflux.lut.commands import export_lut
from lumaflux.render.commands import analyze, convert, info, list_devices, restore, verify, watch
from lumaflux.service.commands import app as plugin
from lumaflux.service.commands import serve
from lumaflux.settings import DETAIL_WORDS
from lumaflux.store.commands import models
from lumaflux.threads import collect_rarely, share_heaps, wait_passively
from lumaflux.timeline.commands import timeline
from lumaflux.viewing.commands import compare, view

app = App(
    name="lumaflux",
    help="Turns 8-bit BT.709 SDR video and pictures into 10-bit PQ/BT.2020 HDR.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)
app.command(convert)
app.command(watch)
app.command(analyze)
app.command(restore)
app.command(verify)
app.command(info)
app.command(view)
app.command(compare)
app.command(demo)
app.command(export_lut)
app.command(luma_eval)
app.command(learn)
app.command(serve)
app.command(plugin)
app.command(farm)
app.command(timeline)
app.command(models)
app.command(bench)
# By its name: a checkout that is run without being installed has no `lumaflux.export`.
app.command(
    "lumaflux.export.commands:build_engine",
    name="build-engine",
    help="Trace, quantize, verify and build an engine bundle; as `python -m export build-engine`.",
)


@app.command
def doctor() -> None:
    """Show versions, devices, codecs, what is missing and how to get it."""
    from lumaflux.doctor import examine
    from lumaflux.progress import show_findings

    if not show_findings(examine()):
        sys.exit(2)


@app.command
def evaluate(
    *,
    predictions: Path,
    references: Path | None = None,
    sdr: Path | None = None,
    preset: str = "luma-eval",
    report: Path | None = None,
    lpips_weights: Path | None = None,
    workers: int = 1,
) -> None:
    """Score 16-bit PQ PNG predictions against references, paired by file stem.

    Parameters
    ----------
    predictions
        The directory of predictions, or a manifest: JSON lines {"name", "prediction"[, "reference", "sdr"]}.
    references
        The directory of references; a manifest may name them instead.
    sdr
        The directory of the SDR sources, for the score where they are clipped.
    preset
        luma-eval, hdrtv1k or diagnosis: fixes every option.
    report
        A JSON file where options, scores by frame and means are written.
    lpips_weights
        AlexNet and LPIPS weights (safetensors) for HDR-LPIPS, which is "unavailable" without them.
    workers
        Processes that score at the same time.
    """
    from lumaflux.lab.evaluation.evaluate import PairSources, evaluate, refuse_failures
    from lumaflux.progress import show_progress, show_scores

    with show_progress(predictions.name) as progress:
        result = evaluate(
            PairSources(predictions=predictions, references=references, sdr=sdr),
            preset,
            report,
            lpips_weights=lpips_weights,
            workers=workers,
            progress=progress,
        )
    show_scores(result)
    refuse_failures(result)


@app.command
def baseline(
    name: str,
    source: Path,
    target: Path,
    *,
    overwrite: Annotated[bool, Parameter(name=["--overwrite", "-y"], negative="")] = False,
) -> None:
    """Convert a directory of SDR pictures by a classical method, for comparison.

    Parameters
    ----------
    name
        none, static-203, inverse-bt2446a, inverse-bt2446c, inverse-reinhard, inverse-bt2390, inverse-aces-1.3 or -2.0.
    source
        A directory of SDR pictures.
    target
        The directory for the 16-bit PQ PNGs.
    overwrite
        Replace existing pictures.
    """
    from lumaflux.lab.evaluation.baselines import write_predictions

    print(f"{target}: {write_predictions(name, source, target, overwrite=overwrite)} pictures by {name}")


@app.command
def curate(
    specification: str,
    out: Path,
    *,
    packages: Path | None = None,
    hdr_dir: Annotated[Path | None, Parameter(env_var="HDR_DIR")] = None,
    root: tuple[str, ...] = (),
    workers: int = 1,
    ray: bool = False,
) -> None:
    """Make a corpus of SDR-HDR pairs for training, or complete it.

    Parameters
    ----------
    specification
        lite, flux, or a YAML file (docs/corpus.md).
    out
        The corpus' directory.
    packages
        The directory that python -m lumaflux.lab.data.fetch filled.
    hdr_dir
        A directory of further HDR material (panoramas/, stills/, gainmap/).
    root
        NAME=DIR of a published collection that the specification names; may be given often.
    workers
        Processes on this machine.
    ray
        Spread the work over the Ray cluster that RAY_ADDRESS names.
    """
    from lumaflux.lab.data.curation.curate import curate
    from lumaflux.lab.data.curation.specification import read_corpus_specification
    from lumaflux.lab.data.sources import SourceFolders
    from lumaflux.progress import show_progress

    roots = {name: Path(folder) for name, _, folder in (entry.partition("=") for entry in root)}
    with show_progress(out.name) as progress:
        corpus = curate(
            read_corpus_specification(specification),
            out,
            SourceFolders(packages=packages, hdr_dir=hdr_dir, collections=roots),
            workers=workers,
            ray=ray,
            progress=progress,
        )
    pairs = sum(len(shard.renderings) for shard in corpus.shards)
    scenes = len({shard.scene for shard in corpus.shards})
    print(f"{out}: {pairs} pairs of {scenes} scenes in {len(corpus.shards)} shards")


@app.command
def corpus_sheet(corpus: Path, target: Path, *, pairs: int = 4) -> None:
    """Draw pairs of a corpus on one sheet: a row for every rendering, SDR beside HDR in false colour.

    Parameters
    ----------
    corpus
        The directory that lumaflux curate filled.
    target
        The PNG to write.
    pairs
        How many a row.
    """
    from lumaflux.lab.evaluation.corpus_sheet import corpus_sheet as sheet

    sheet(corpus, pairs).save(target)
    print(f"wrote {target}")


@app.command
def train(config: Path, *, dry_run: bool = False, cpu: bool = False, minutes: float | None = None) -> None:
    """Train one stage of a model, or go on with it; many processes: accelerate launch -m lumaflux.lab.training CONFIG.

    Parameters
    ----------
    config
        A YAML file: stage, data, schedule (docs/training.md); or the name of a bundled one, such as lite-vae.
    dry_run
        Print what memory and time the run will need, and stop.
    cpu
        Ignore accelerators.
    minutes
        End by the clock; the learning rate falls with the time.
    """
    from lumaflux.lab.training.train import dry_run as needs
    from lumaflux.lab.training.train import train

    if dry_run:
        print("\n".join(needs(config, cpu=cpu)))
    else:
        for name, figure in train(config, cpu=cpu, minutes=minutes).items():
            print(f"{name}: {figure:.4g}")


@app.command
def adapters(source: Path, target: Path, *, model: str = "flux-dev") -> None:
    """Convert an adapter file: published key names to the project's own format, and back.

    Parameters
    ----------
    source
        The published file (safetensors) or the project's own.
    target
        Where the other format is written.
    model
        The configuration that the adapters belong to: a name or a model directory.
    """
    from lumaflux.model.checkpoint import convert_adapters

    convert_adapters(source, target, model)
    print(f"wrote {target}")


def main() -> None:
    """The command's entry: every user error is one sentence on standard error."""
    wait_passively()
    share_heaps()
    collect_rarely()
    end_by_signals()
    with told("lumaflux"):
        if "--list-devices" in sys.argv[1:]:  # wherever it stands, and without a source
            list_devices()
            return
        for word in sys.argv[1:]:
            refuse_bytes(word)
        app(_plain_words(sys.argv[1:]), exit_on_error=False, print_error=False)


def _plain_words(tokens: list[str]) -> list[str]:
    """As cyclopts takes them: ``--detail source`` and ``generated`` as its two ends, ``-`` as a path and no option."""
    found = []
    for before, token in zip(["", *tokens], tokens, strict=False):
        option, equals, word = token.partition("=")
        if before == "--detail":
            token = DETAIL_WORDS.get(token, token)
        elif option == "--detail" and equals:
            token = f"--detail={DETAIL_WORDS.get(word, word)}"
        found.append("./-" if token == "-" else token)
    return found


if __name__ == "__main__":
    main()
