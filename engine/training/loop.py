"""The loop every stage runs in: AdamW, warm-up and cosine, clipping, averaged weights, exact resume.

All randomness of update ``i`` comes from a generator seeded with (seed, i): a resumed run sees the same numbers.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.errors import UserError
from engine.training.checkpoint import resume, save_checkpoint
from engine.training.config import TrainConfig
from engine.training.schedule import learning_rate

log = logging.getLogger(__name__)

_PLACES = {"run", "views", "model", "start"}
_REPORTING = {"checkpoint_seconds", "log_every", "validate_every", "validation_count", "validation_size"}

Losses = Mapping[str, Tensor]  # "total" is minimised, the others are reported


class Stage(Protocol):
    """What differs between stages: parameters, loss, validation, and what is left behind."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that trains, by name."""
        ...

    def losses(self, step: int, generator: torch.Generator) -> Losses:
        """The losses of one update, drawn with ``generator`` alone."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on validation scenes with the averaged weights in place."""
        ...

    def finish(self, out: Path) -> None:
        """Writes the stage's result with the averaged weights in place."""
        ...


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one update."""
    digest = hashlib.sha256(f"{seed}/{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def fingerprint(config: TrainConfig) -> str:
    """Names a run by what shapes its numbers: not paths, threads, reporting, nor its length (a run may be extended)."""
    skipped = _PLACES | _REPORTING | {"steps", "threads"}
    content = {k: v for k, v in asdict(config).items() if k not in skipped}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Averaged:
    """Puts averaged weights in place for the time of a ``with`` block."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], average: Mapping[str, Tensor]):
        self.parameters, self.average = parameters, average

    def _swap(self) -> None:
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                held = parameter.clone()
                parameter.copy_(self.average[name])
                self.average[name].copy_(held)

    def __enter__(self) -> None:
        self._swap()

    def __exit__(self, *_: object) -> None:
        self._swap()


def run_stage(stage: Stage, config: TrainConfig, stop_after: int | None = None) -> dict[str, float]:
    """Trains to ``config.steps`` updates (or ``stop_after``), from the checkpoint where there is one.

    Returns the last validation figures. Raises UserError when a loss is not finite; the last checkpoint stays.
    """
    config.run.mkdir(parents=True, exist_ok=True)
    parameters = stage.parameters()
    average = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
    )
    identity = fingerprint(config)
    step = resume(config.run, parameters, average, optimizer, identity)
    end = min(config.steps, stop_after or config.steps)
    saved = started = time.monotonic()
    first, means = step, {}
    while step < end:
        losses = _update(stage, config, optimizer, parameters, average, step)
        step += 1
        means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in losses.items()}
        if step % config.log_every == 0:
            rate = (step - first) / (time.monotonic() - started)
            log.info("%s", _line({"step": step, "per_second": rate, **means}))
        if time.monotonic() - saved > config.checkpoint_seconds or step == end:
            save_checkpoint(config.run, step, parameters, average, optimizer, identity)
            saved = time.monotonic()
        if step % config.validate_every == 0 and step < end:
            with Averaged(parameters, average):
                log.info("%s", _line({"step": step, **stage.validate()}))
                stage.finish(config.run)
    with Averaged(parameters, average):
        figures = stage.validate()
        log.info("%s", _line({"step": step, **figures}))
        stage.finish(config.run)
    return figures


def _update(
    stage: Stage,
    config: TrainConfig,
    optimizer: torch.optim.AdamW,
    parameters: Mapping[str, nn.Parameter],
    average: Mapping[str, Tensor],
    step: int,
) -> dict[str, float]:
    rate = learning_rate(
        step,
        peak=config.learning_rate,
        final=config.final_learning_rate,
        warmup=config.warmup,
        steps=config.steps,
    )
    for group in optimizer.param_groups:
        group["lr"] = rate
    losses = stage.losses(step, step_generator(config.seed, step))
    if not math.isfinite(losses["total"].item()):
        raise UserError(f"the loss of update {step} is not finite; the last checkpoint is in {config.run}")
    optimizer.zero_grad(set_to_none=True)
    losses["total"].backward()
    norm = nn.utils.clip_grad_norm_(parameters.values(), config.clip)
    optimizer.step()
    decay = min(config.ema, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, parameter in parameters.items():
            average[name].lerp_(parameter, 1 - decay)
    return {**{k: v.item() for k, v in losses.items()}, "gradient": float(norm)}


def _line(figures: Mapping[str, float]) -> str:
    return json.dumps({k: v if isinstance(v, int) else round(float(v), 5) for k, v in figures.items()})
