"""The loop every stage runs in: AdamW, warm-up and cosine, clipping, averaged weights, exact resume.

All randomness of micro-batch ``m`` of update ``i`` comes from a generator seeded with (seed, i, m): a resumed run, and
a run on more processes, sees the same numbers.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.lab.training.checkpoint import resume, save_checkpoint
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.frozen import digest
from lumaflux.lab.training.processes import Processes
from lumaflux.lab.training.schedule import learning_rate
from lumaflux.lab.training.tracking import Silent, Tracker

_PLACES = {"run", "views", "corpus", "model", "start"}
_REPORTING = {"tracker", "checkpoint_seconds", "log_every", "validate_every", "validation_count", "validation_size"}
_MACHINE = {"threads", "gradient_checkpointing"}

Losses = Mapping[str, Tensor]  # "total" is minimised, the others are reported


class Stage(Protocol):
    """What differs between stages: parameters, loss, validation, and what is left behind."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that trains, by name."""
        ...

    def frozen(self) -> dict[str, Tensor]:
        """Everything that must not move, by name."""
        ...

    def losses(self, step: int, count: int, generator: torch.Generator) -> Losses:
        """The losses of one micro-batch of ``count``, drawn with ``generator`` alone."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on validation scenes with the averaged weights in place."""
        ...

    def pictures(self) -> dict[str, Image.Image]:
        """What a person looks at, with the averaged weights in place; may be empty."""
        ...

    def finish(self, out: Path) -> None:
        """Writes the stage's result with the averaged weights in place."""
        ...


def micro_batch_generator(seed: int, step: int, micro: int = 0) -> torch.Generator:
    """The random numbers of one micro-batch of one update."""
    found = hashlib.sha256(f"{seed}/{step}/{micro}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(found[:8], "little") >> 1)


def fingerprint(config: TrainConfig) -> str:
    """Names a run by what shapes its numbers: not paths, threads, reporting, nor its length (a run may be extended)."""
    skipped = _PLACES | _REPORTING | _MACHINE | {"steps"}
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


class Run:
    """The state of a training run: parameters, their average, the optimiser, the number of updates done."""

    def __init__(self, stage: Stage, config: TrainConfig, processes: Processes):
        self.stage, self.config, self.processes = stage, config, processes
        self.micro_batches, self.micro_size = processes.micro_batches(config)
        self.parameters = stage.parameters()
        self.average = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
        )
        self.identity = fingerprint(config)
        self.step = resume(config.run, self.parameters, self.average, self.optimizer, self.identity)

    def update(self) -> dict[str, float]:
        """One update; figures over all processes. Raises UserError, before anything moves, when one is not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        share = self.micro_size / self.config.batch
        sums: dict[str, Tensor] = {}
        for micro in self.micro_batches:
            generator = micro_batch_generator(self.config.seed, self.step, micro)
            losses = self.stage.losses(self.step, self.micro_size, generator)
            (share * losses["total"]).backward()
            for name, value in losses.items():
                sums[name] = sums.get(name, torch.zeros(())) + share * value.detach().float().cpu()
        self.processes.sum_gradients(self.parameters.values())
        totals = self.processes.sum(torch.stack(list(sums.values())).to(self.processes.device))
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip)
        figures = {**dict(zip(sums, totals.tolist(), strict=True)), "gradient": float(norm)}
        if bad := [name for name, value in figures.items() if not math.isfinite(value)]:
            raise _NotFiniteError(f"the {bad[0]} of update {self.step} is not finite")
        self._apply()
        return figures

    def _apply(self) -> None:
        config = self.config
        rate = learning_rate(
            self.step,
            peak=config.learning_rate,
            final=config.final_learning_rate,
            warmup=config.warmup,
            steps=config.steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                self.average[name].lerp_(parameter, 1 - decay)
        self.step += 1

    def save(self) -> None:
        if self.processes.main:
            save_checkpoint(self.config.run, self.step, self.parameters, self.average, self.optimizer, self.identity)

    def publish(self, tracker: Tracker) -> dict[str, float]:
        """Validates, shows and writes the averaged weights."""
        if not self.processes.main:
            return {}
        with Averaged(self.parameters, self.average), torch.no_grad():
            figures = self.stage.validate()
            tracker.figures(self.step, figures)
            tracker.pictures(self.step, self.stage.pictures())
            self.stage.finish(self.config.run)
        return figures


class _NotFiniteError(UserError):
    pass


def run_stage(
    stage: Stage,
    config: TrainConfig,
    stop_after: int | None = None,
    processes: Processes | None = None,
    tracker: Tracker | None = None,
) -> dict[str, float]:
    """Trains to ``config.steps`` updates (or ``stop_after``), from the checkpoint where there is one.

    Returns the last validation figures (of the main process). Raises UserError when a loss is not finite: the state
    before that update is kept as checkpoint and result.
    """
    config.run.mkdir(parents=True, exist_ok=True)
    processes, tracker = processes or Processes(cpu=True), tracker or Silent()
    before = digest(stage.frozen())
    run = Run(stage, config, processes)
    try:
        _train(run, min(config.steps, stop_after or config.steps), tracker)
    except _NotFiniteError as error:
        run.save()
        run.publish(tracker)
        raise UserError(
            f"{error}; the state before it is kept in {config.run}: "
            "start another run from it with a lower learning rate"
        ) from None
    figures = run.publish(tracker)
    if digest(stage.frozen()) != before:
        raise RuntimeError("training changed weights that are frozen")
    processes.wait()
    return figures


def _train(run: Run, end: int, tracker: Tracker) -> None:
    config = run.config
    saved = started = time.monotonic()
    first, means = run.step, {}
    while run.step < end:
        figures = run.update()
        means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in figures.items()}
        if run.step % config.log_every == 0:
            rate = (run.step - first) / (time.monotonic() - started)
            tracker.figures(run.step, {"per_second": rate, **means})
        if time.monotonic() - saved > config.checkpoint_seconds or run.step == end:
            run.save()
            saved = time.monotonic()
        if run.step % config.validate_every == 0 and run.step < end:
            run.publish(tracker)
            run.processes.wait()
