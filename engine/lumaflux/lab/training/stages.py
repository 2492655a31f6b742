"""The stages of training by their names."""

from collections.abc import Callable

import torch

from lumaflux.lab.training.config import StageName, TrainConfig
from lumaflux.lab.training.run import Stage


def make_stage(config: TrainConfig, device: torch.device) -> Stage:
    """Loads data and weights. Raises UserError for what is missing or does not fit."""
    return _STAGES[config.stage](config, device)


def _vae(config: TrainConfig, device: torch.device) -> Stage:
    from lumaflux.lab.training.vae import VaeStage

    return VaeStage(config, device)


def _tower(config: TrainConfig, device: torch.device) -> Stage:
    from lumaflux.lab.training.tower import TowerStage

    return TowerStage(config, device)


def _prior(config: TrainConfig, device: torch.device) -> Stage:
    from lumaflux.lab.training.prior import PriorStage

    return PriorStage(config, device)


def _anchor(config: TrainConfig, device: torch.device) -> Stage:
    from lumaflux.lab.training.tone_predictor import TonePredictorStage

    return TonePredictorStage(config, device)


def _adapters(config: TrainConfig, device: torch.device) -> Stage:
    if config.options.get("detail") == "highlights":
        from lumaflux.lab.training.highlight_adapters import HighlightAdapterStage

        return HighlightAdapterStage(config, device)
    from lumaflux.lab.training.adapters import AdapterStage

    return AdapterStage(config, device)


_STAGES: dict[StageName, Callable[[TrainConfig, torch.device], Stage]] = {
    "vae": _vae,
    "tower": _tower,
    "prior": _prior,
    "anchor": _anchor,
    "adapters": _adapters,
}
