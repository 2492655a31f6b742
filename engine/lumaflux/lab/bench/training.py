"""Speed and memory of training: `lumaflux bench training CONFIG`, an adapter configuration, split by part."""

import statistics
import time
from pathlib import Path
from typing import Any

import torch

from lumaflux.backends.device import pick_device
from lumaflux.errors import UserError
from lumaflux.lab.bench.clock import forget_peak, peak_bytes, synchronize
from lumaflux.lab.bench.machine import peak_resident_mb
from lumaflux.lab.training.adapters import AdapterStage
from lumaflux.lab.training.config import read_train_config
from lumaflux.lab.training.run import micro_batch_generator
from lumaflux.model.bare import BareTransformer


def training_figures(config_path: Path, rounds: int = 5, device: torch.device | None = None) -> dict[str, Any]:
    """``train_steps_per_second``, ``train_ms`` by part (medians), ``train_adapters_share``, ``train_peak_mb``.

    On ``device``, or the one that training would take; the peak is the device's where it is a CUDA device.

    The adapters' share is what the steered pass, forward and backward, costs beyond the bare frozen transformer, over
    the whole update. Raises UserError for a configuration of another stage.
    """
    config = read_train_config(config_path)
    if config.stage != "adapters":
        raise UserError(f"{config_path} trains the stage '{config.stage}'; training is measured on the adapters")
    torch.set_num_threads(config.threads)
    device = device or pick_device()
    stage = AdapterStage(config, device)
    forget_peak(device)
    parts: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        for name, seconds in _one_update(stage, turn).items():
            if turn:  # the first warms up
                parts.setdefault(name, []).append(seconds)
    medians = {name: statistics.median(values) for name, values in parts.items()}
    bare = medians.pop("bare")
    step = sum(medians.values())
    return {
        "train_steps_per_second": 1 / step,
        "train_ms": {name: 1000 * seconds for name, seconds in medians.items()},
        "train_adapters_share": max(0.0, medians["velocity"] + medians["velocity_backward"] - bare) / step,
        "train_peak_mb": peak_resident_mb() if (peak := peak_bytes(device)) is None else peak / 2**20,
    }


def _one_update(stage: AdapterStage, turn: int) -> dict[str, float]:
    """Seconds of each part of an update without pictures, and of the bare transformer on the same tokens."""
    config, network = stage.config, stage.network
    generator = micro_batch_generator(config.seed, turn)
    optimizer = torch.optim.AdamW(stage.parameters().values(), lr=0.0)
    clock = _Laps(stage.device)
    sdr, hdr = (part.to(stage.device) for part in stage.pairs.draw(config.batch, config.crop, generator))
    clock("pairs")
    with torch.no_grad():
        start, z0 = network.encode(network.start(sdr)), network.encode(hdr)
    clock("encode")
    t = torch.ones(config.batch, device=stage.device)
    with stage._mixed():
        conditions = network.condition(sdr)
    clock("condition")
    with stage._mixed():
        velocity = network.velocity(start, t, conditions).float()
    clock("velocity")
    (velocity - (start - z0)).square().mean().backward()
    clock("velocity_backward")
    decoded = network.decode((start - velocity.detach())[: stage.options.picture_count].requires_grad_())
    decoded.hdr_pq.square().mean().backward()
    clock("picture")
    optimizer.step()
    clock("optimizer")
    with torch.no_grad(), stage._mixed():
        conditions = network.condition(sdr)
    bare = BareTransformer(network)
    clock.skip()
    with stage._mixed():
        answer = bare(start.requires_grad_(), t, conditions).float()
    answer.square().mean().backward()
    clock("bare")
    return clock.seconds


class _Laps:
    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device
        self.skip()

    def skip(self) -> None:
        synchronize(self._device)
        self._last = time.perf_counter()

    def __call__(self, name: str) -> None:
        synchronize(self._device)
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
