"""`lumaflux bench`: a command for each thing that is measured. No logic."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

bench = App(name="bench", help="Measure speed and memory on this machine.")
Report = Annotated[Path | None, Parameter(help="A JSON file for the figures.")]
Rounds = Annotated[int, Parameter(help="Interleaved rounds for every ratio.")]


@bench.command
def conversion(*, clip: Path | None = None, limit: int = 24, rounds: Rounds = 15, report: Report = None) -> None:
    """Measure the velocity with adapters and without, a conversion by stage, and memory.

    Parameters
    ----------
    clip
        The clip whose conversion is timed; a synthetic one if not named.
    limit
        How many of its frames.
    """
    from lumaflux.lab.bench.report import conversion, run

    run(lambda: conversion(clip, limit, rounds), report)


@bench.command
def sizes(*size: str, report: Report = None) -> None:
    """Measure whole conversions beside those of ffmpeg, idle and busy; without a size also the pixel path and flicker.

    Parameters
    ----------
    size
        1080p, 2160p or 4320p; the first two if none is named.
    """
    from lumaflux.lab.bench.report import run, sizes

    run(lambda: sizes(size), report)


@bench.command
def long(frames: int, *, report: Report = None) -> None:
    """Measure so many frames at 320x180 beside a tenth of them: milliseconds a frame and memory.

    Parameters
    ----------
    frames
        How many, 10 at least.
    """
    from lumaflux.lab.bench.report import long_clip, run

    run(lambda: long_clip(frames), report)


@bench.command
def scores(*, report: Report = None) -> None:
    """Measure the scores of the benchmark: seconds at 1080p, memory at 4K."""
    from lumaflux.lab.bench.report import run, scores

    run(scores, report)


@bench.command
def training(config: Path, *, report: Report = None) -> None:
    """Measure the updates of an adapter configuration.

    Parameters
    ----------
    config
        A YAML file, or the name of a bundled one, such as lite-adapters.
    """
    from lumaflux.lab.bench.report import run, training

    run(lambda: training(config), report)


@bench.command
def engine(bundle: Path, *, rounds: Rounds = 15, report: Report = None) -> None:
    """Measure a whole frame through an engine bundle and through torch.

    Parameters
    ----------
    bundle
        The directory that build-engine wrote.
    """
    from lumaflux.lab.bench.report import engine, run

    run(lambda: engine(bundle, rounds), report)


@bench.command
def kernels(*, report: Report = None) -> None:
    """Compile the CUDA kernels and tell what they ask of each GPU and what it allows; needs none."""
    from lumaflux.lab.bench.report import kernels, run

    run(kernels, report)


@bench.command
def gpu(*, rounds: Rounds = 15, report: Report = None) -> None:
    """Prove and time the CUDA kernels on this machine's GPU."""
    from lumaflux.lab.bench.report import gpu, run

    run(lambda: gpu(rounds), report)
