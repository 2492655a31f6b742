"""What the commands that run a benchmark share; the one descriptor of their options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def _chosen(text: str) -> Parameter:
    return Parameter(help=text, negative="", consume_multiple=False, show_default=False)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """See ``run_benchmark`` and ``Selection``."""

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
