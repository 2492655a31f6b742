"""``train(config_path)``: reads a configuration and runs its stage."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch

from engine.training.config import TrainConfig, read_train_config
from engine.training.loop import Stage, run_stage


def _vae(config: TrainConfig) -> Stage:
    from engine.training.vae import VaeStage

    return VaeStage(config)


def _tower(config: TrainConfig) -> Stage:
    from engine.training.tower import TowerStage

    return TowerStage(config)


def _prior(config: TrainConfig) -> Stage:
    from engine.training.prior import PriorStage

    return PriorStage(config)


def _adapters(config: TrainConfig) -> Stage:
    from engine.training.adapters import AdapterStage

    return AdapterStage(config)


STAGES: dict[str, Callable[[TrainConfig], Stage]] = {
    "vae": _vae,
    "tower": _tower,
    "prior": _prior,
    "adapters": _adapters,
}


def train(config_path: Path) -> dict[str, float]:
    """Runs, or goes on with, the stage that the YAML file describes; returns its validation figures.

    Raises UserError for a bad configuration, missing views or weights, or a loss that is not finite.
    """
    config = read_train_config(config_path)
    torch.set_num_threads(config.threads)
    config.run.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(config.run / "train.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("engine.training")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        return run_stage(STAGES[config.stage](config), config)
    finally:
        logger.removeHandler(handler)
        handler.close()
