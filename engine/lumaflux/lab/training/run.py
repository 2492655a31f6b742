"""The state of a training run and one update of it: AdamW, clipping, averaged weights, exact resume.

All randomness of micro-batch ``m`` of update ``i`` comes from a generator seeded with (seed, i, m): a resumed run, and
a run on more processes, sees the same numbers. On a CUDA device the host hands out updates without waiting; every
``log_every`` of them it reads their figures, and what followed one that is not finite has left no trace.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.lab.training.checkpoint import resume, save_checkpoint
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.processes import Processes

_PLACES = {"run", "views", "corpus", "model", "start"}
_REPORTING = {"tracker", "checkpoint_seconds", "log_every", "validate_every", "validation_count", "validation_size"}
_MACHINE = {"threads", "gradient_checkpointing"}
_SINCE = {"resident": False}  # entries that came later, and what runs before them did


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


class NotFiniteError(UserError):
    """A loss or a gradient is not finite; the state before that update is in place."""


def micro_batch_generator(seed: int, step: int, micro: int = 0) -> torch.Generator:
    """The random numbers of one micro-batch of one update, of the host; stages derive a device's from it."""
    found = hashlib.sha256(f"{seed}/{step}/{micro}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(found[:8], "little") >> 1)


def fingerprint(config: TrainConfig) -> str:
    """Names a run by what shapes its numbers: not paths, threads, reporting, nor its length (a run may be extended)."""
    skipped = _PLACES | _REPORTING | _MACHINE | {"steps"}
    content = {k: v for k, v in asdict(config).items() if k not in skipped and _SINCE.get(k, ...) != v}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def learning_rate(
    step: int, *, peak: float, final: float, warmup: int, steps: int, elapsed: float | None = None
) -> float:
    """Rate of update ``step`` (from 0): rises linearly over ``warmup`` updates, falls as a cosine to ``final``.

    The cosine follows the updates, or, of a run that ends by the clock, the share ``elapsed`` of its time.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0) if elapsed is None else min(elapsed, 1.0)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * progress))


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
    """Parameters, their average, the optimiser, the number of updates handed out (``step``).

    ``look_every``: after how many updates their figures are read; 1 on the CPU, where nothing is gained by waiting.
    More than one takes the fused AdamW, which leaves out updates that are flagged on the device.
    """

    def __init__(self, stage: Stage, config: TrainConfig, processes: Processes, look_every: int | None = None):
        self.stage, self.config, self.processes = stage, config, processes
        self.device = processes.device
        self.look_every = look_every or (config.log_every if self.device.type == "cuda" else 1)
        self.micro_batches, self.micro_size = processes.micro_batches(config)
        self.parameters = stage.parameters()
        self.average = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(),
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True if self.look_every > 1 else None,
        )
        self.identity = fingerprint(config)
        self.step = resume(config.run, self.parameters, self.average, self.optimizer, self.identity)
        self._names: list[str] = []
        self._unread: list[Tensor] = []  # figures of the updates since the last look
        self._broken = torch.zeros((), device=self.device)  # 1 from the first update on that is not finite

    def update(self, elapsed: float | None = None) -> list[dict[str, float]]:
        """One update; the figures, over all processes, of those that were looked at now (none, one or many).

        ``elapsed``: the share of the time of a run that ends by the clock. Raises NotFiniteError as ``look``.
        """
        self.optimizer.zero_grad(set_to_none=True)
        share = self.micro_size / self.config.batch
        sums: dict[str, Tensor] = {}
        for micro in self.micro_batches:
            generator = micro_batch_generator(self.config.seed, self.step, micro)
            losses = self.stage.losses(self.step, self.micro_size, generator)
            (share * losses["total"]).backward()
            for name, value in losses.items():
                own = share * value.detach().float().to(self.device)
                sums[name] = own if name not in sums else sums[name] + own
        self.processes.sum_gradients(self.parameters.values())
        totals = self.processes.sum(torch.stack(list(sums.values())))
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip)
        self._names = [*sums, "gradient"]
        figures = torch.cat([totals, norm.detach().float().view(1)])
        self._unread.append(figures)
        if self.look_every == 1:
            seen = self.look()
            self._apply(elapsed)
            return seen
        self._broken = torch.maximum(self._broken, 1 - figures.isfinite().all().float())
        self._apply(elapsed)
        return self.look() if len(self._unread) >= self.look_every else []

    def look(self) -> list[dict[str, float]]:
        """Waits for the updates handed out and reads their figures.

        Raises NotFiniteError where one's are not finite; the state is then that before it, and ``step`` its number.
        """
        if not self._unread:
            return []
        first = self.step - len(self._unread) + (self.look_every == 1)
        rows = [dict(zip(self._names, row, strict=True)) for row in torch.stack(self._unread).tolist()]
        self._unread = []
        for index, figures in enumerate(rows):
            if bad := [name for name, value in figures.items() if not math.isfinite(value)]:
                self.step = first + index
                raise NotFiniteError(f"the {bad[0]} of update {self.step} is not finite")
        return rows

    def _apply(self, elapsed: float | None) -> None:
        config = self.config
        rate = learning_rate(
            self.step,
            peak=config.learning_rate,
            final=config.final_learning_rate,
            warmup=config.warmup,
            steps=config.steps,
            elapsed=elapsed,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        if self.look_every == 1:
            self.optimizer.step()
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    self.average[name].lerp_(parameter, 1 - decay)
        else:
            self._apply_unless_broken(1 - decay)
        self.step += 1

    @torch.no_grad()
    def _apply_unless_broken(self, share: float) -> None:
        optimizer: Any = self.optimizer
        optimizer.grad_scale, optimizer.found_inf = (
            None,
            self._broken,
        )  # as torch.amp.GradScaler hands it over
        self.optimizer.step()
        averages = [self.average[name] for name in self.parameters]
        distances = torch._foreach_sub([parameter.detach() for parameter in self.parameters.values()], averages)
        torch._foreach_mul_(distances, share * (1 - self._broken))
        torch._foreach_add_(averages, distances)

    def save(self) -> None:
        """Writes the checkpoint, of updates that were looked at."""
        if self.processes.main:
            save_checkpoint(self.config.run, self.step, self.parameters, self.average, self.optimizer, self.identity)
