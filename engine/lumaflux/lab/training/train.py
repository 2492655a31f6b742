"""``train(config_path)``: reads a configuration and runs its stage, in every process that accelerate started."""

from pathlib import Path

import torch

from lumaflux.errors import UserError
from lumaflux.lab.training.checkpoint import updates_done
from lumaflux.lab.training.config import TrainConfig, read_train_config
from lumaflux.lab.training.loop import run_stage
from lumaflux.lab.training.processes import Processes
from lumaflux.lab.training.run import fingerprint
from lumaflux.lab.training.stages import make_stage
from lumaflux.lab.training.tracking import tracker_for


def train(config_path: Path, *, cpu: bool = False, minutes: float | None = None) -> dict[str, float]:
    """Runs, or goes on with, the stage that the YAML file describes; returns its validation figures.

    With ``minutes`` it ends by the clock (lumaflux.lab.training.loop.run_stage).

    Raises UserError for a bad configuration, missing data or weights, or a loss that is not finite.
    """
    return train_configured(read_train_config(config_path), cpu=cpu, minutes=minutes)


def is_trained(config: TrainConfig) -> bool:
    """Whether the run has made all its updates."""
    return updates_done(config.run, fingerprint(config)) >= config.steps


def train_configured(config: TrainConfig, *, cpu: bool = False, minutes: float | None = None) -> dict[str, float]:
    """``train`` for a configuration at hand."""
    if minutes is not None and minutes <= 0:
        raise UserError(f"a run cannot end after {minutes:g} minutes; give more than 0")
    torch.set_num_threads(config.threads)
    processes = Processes(cpu=cpu)
    if processes.device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32; what must be exact is written out
    processes.micro_batches(config)  # a batch that cannot be shared out is refused before anything is loaded
    config.run.mkdir(parents=True, exist_ok=True)
    tracker = tracker_for(config, main=processes.main)
    try:
        return run_stage(
            make_stage(config, processes.device), config, processes=processes, tracker=tracker, minutes=minutes
        )
    finally:
        tracker.close()


def dry_run(config_path: Path, *, cpu: bool = False) -> list[str]:
    """What the run will need, a sentence each. Raises UserError for a configuration that cannot run."""
    from lumaflux.lab.training.estimate import estimate

    config = read_train_config(config_path)
    torch.set_num_threads(config.threads)
    return estimate(config, Processes(cpu=cpu)).sentences()
