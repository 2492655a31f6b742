"""`lumaflux bench`: measures, prints a table, writes JSON."""

import json
from pathlib import Path
from typing import Any

from lumaflux.backends.device import pick_device
from lumaflux.errors import UserError
from lumaflux.lab.bench.conversion import growth, peak_memory, stages_and_speed, write_moving_gradient
from lumaflux.lab.bench.machine import describe
from lumaflux.lab.bench.velocity import velocity_overhead


def run(
    target: Path | None,
    rounds: int,
    clip: Path | None = None,
    frames: int = 24,
    training: Path | None = None,
    *,
    metrics: bool = False,
    sizes: bool = False,
    size: tuple[str, ...] = (),
    long: int | None = None,
    kernels: bool = False,
    gpu: bool = False,
    engine: Path | None = None,
) -> dict[str, Any]:
    """Measures everything; ``clip`` is converted for the speed by stage (a synthetic one if None).

    With ``training``, an adapter configuration, measures its updates alone; with ``metrics``, the scores; with
    ``sizes``, full HD and UHD, idle and beside other work, ffmpeg's pipelines, the pixel path, and flicker, or of
    ``size`` the pipelines alone; with ``long``, that many small frames beside a tenth of them; with
    ``gpu``, the kernels on a CUDA device. ``kernels`` calculates what they ask of a GPU and what it allows, and runs
    none. With ``engine``, a bundle against torch.
    """
    if target is not None and not target.parent.is_dir():
        target.parent.mkdir(parents=True)
    if clip is not None and not clip.is_file():
        raise UserError(f"the clip {clip} is missing; name one that exists")
    figures: dict[str, Any] = {"machine": describe()}
    if kernels:
        return _tables(target)
    if gpu:
        from lumaflux.lab.bench.gpu import gpu_figures, gpu_table

        figures |= gpu_figures(rounds)
        print(gpu_table(figures))
        _write(target, figures)
        return figures
    if training is not None:
        from lumaflux.lab.bench.training import training_figures

        figures |= training_figures(training)
    elif engine is not None:
        from lumaflux.lab.bench.backends import engine_against_torch

        figures |= engine_against_torch(engine, rounds)
    elif metrics:
        from lumaflux.lab.bench.metrics import run_metrics

        figures |= run_metrics()
    elif long is not None:
        if long < 10:
            raise UserError(f"a clip of {long} frames is no long one; name 10 at least, as in --long 10000")
        figures |= growth(long)
    elif size:
        from lumaflux.lab.bench.pipelines import pipelines
        from lumaflux.lab.bench.pipelines import table as pipelines_table
        from lumaflux.lab.bench.sizes import SIZES

        if unknown := sorted(set(size) - set(SIZES)):
            raise UserError(f"there is no size {', '.join(unknown)}; name {', '.join(SIZES)}")
        figures |= (beside := pipelines(sizes=size))
        print(pipelines_table(beside))
    elif sizes:
        from lumaflux.lab.bench.flicker import flicker_excess
        from lumaflux.lab.bench.motion import flicker_along_motion
        from lumaflux.lab.bench.pipelines import pipelines
        from lumaflux.lab.bench.pipelines import table as pipelines_table
        from lumaflux.lab.bench.sizes import pixel_path

        figures |= pixel_path() | (beside := pipelines())
        figures |= flicker_excess() | flicker_along_motion()
        print(pipelines_table(beside))
    else:
        figures |= velocity_overhead(rounds, pick_device()) | _speed(clip, frames) | peak_memory()
    for name, value in figures.items():
        print(f"{name}: {_shown(value)}")
    _write(target, figures)
    return figures


def _write(target: Path | None, figures: dict[str, Any]) -> None:
    if target is not None:
        target.write_text(json.dumps(figures, indent=1) + "\n")


def _tables(target: Path | None) -> dict[str, Any]:
    from lumaflux.lab.bench.roofline import roofline_table
    from lumaflux.ops.resources import resource_table
    from lumaflux.ops.sources import every_variant

    tables = {"roofline": roofline_table(), "resources": resource_table(every_variant())}
    print("\n\n".join(tables.values()))
    _write(target, tables)
    return tables


def _speed(clip: Path | None, frames: int) -> dict[str, Any]:
    import tempfile

    if clip is not None:
        return stages_and_speed(clip, frames)
    with tempfile.TemporaryDirectory() as folder:
        synthetic = Path(folder) / "clip.mp4"
        write_moving_gradient(synthetic, frames)
        return stages_and_speed(synthetic, frames)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
