"""What `lumaflux bench` measures by name, printed as a table and as figures, and written as JSON."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lumaflux.backends.device import pick_device
from lumaflux.errors import UserError
from lumaflux.lab.bench.conversion import growth, peak_memory, stages_and_speed, write_moving_gradient
from lumaflux.lab.bench.machine import describe
from lumaflux.lab.bench.velocity import velocity_overhead


class Measured(NamedTuple):
    figures: dict[str, Any]
    table: str = ""
    whole: bool = False  # the table holds all of the figures


def run(measure: Callable[[], Measured], target: Path | None = None) -> dict[str, Any]:
    """Measures, prints table and figures, and writes the figures and the machine to ``target`` as JSON."""
    if target is not None and not target.parent.is_dir():
        target.parent.mkdir(parents=True)
    machine = {"machine": describe()}  # before what sets threads of its own
    found = measure()
    figures = machine | found.figures
    if found.table:
        print(found.table)
    if not found.whole:
        for name, value in figures.items():
            print(f"{name}: {_shown(value)}")
    if target is not None:
        target.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def conversion(clip: Path | None, limit: int, rounds: int) -> Measured:
    """Velocity with adapters over without, the conversion of ``limit`` frames of ``clip`` (drawn if None), memory."""
    if clip is not None and not clip.is_file():
        raise UserError(f"the clip {clip} is missing; name one that exists")
    overhead = velocity_overhead(rounds, pick_device())
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "clip.mp4"
        if clip is None:
            write_moving_gradient(drawn, limit)
        return Measured(overhead | stages_and_speed(clip or drawn, limit) | peak_memory())


def sizes(named: tuple[str, ...]) -> Measured:
    """Ours and ffmpeg's pipelines at the ``named`` sizes; with none, the usual ones, the pixel path and flicker."""
    from lumaflux.lab.bench.pipelines import pipelines, table
    from lumaflux.lab.bench.sizes import SIZES, pixel_path

    if unknown := sorted(set(named) - set(SIZES)):
        raise UserError(f"there is no size {', '.join(unknown)}; name {', '.join(SIZES)}")
    if named:
        figures = pipelines(sizes=named)
        return Measured(figures, table(figures))
    from lumaflux.lab.bench.flicker import flicker_excess
    from lumaflux.lab.bench.motion import flicker_along_motion

    alone, beside = pixel_path(), pipelines()
    return Measured(alone | beside | flicker_excess() | flicker_along_motion(), table(beside))


def long_clip(frames: int) -> Measured:
    if frames < 10:
        raise UserError(f"a clip of {frames} frames is no long one; name 10 at least, as in lumaflux bench long 10000")
    return Measured(growth(frames))


def scores() -> Measured:
    from lumaflux.lab.bench.metrics import run_metrics

    return Measured(run_metrics())


def training(config: Path) -> Measured:
    from lumaflux.lab.bench.training import training_figures

    return Measured(training_figures(config))


def engine(bundle: Path, rounds: int) -> Measured:
    from lumaflux.lab.bench.backends import engine_against_torch

    return Measured(engine_against_torch(bundle, rounds))


def kernels() -> Measured:
    from lumaflux.lab.bench.roofline import roofline_table
    from lumaflux.ops.resources import resource_table
    from lumaflux.ops.sources import every_variant

    tables = {"roofline": roofline_table(), "resources": resource_table(every_variant())}
    return Measured(tables, "\n\n".join(tables.values()), whole=True)


def gpu(rounds: int) -> Measured:
    from lumaflux.lab.bench.gpu import gpu_figures, gpu_table

    figures = gpu_figures(rounds)
    return Measured(figures, gpu_table(figures), whole=True)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
