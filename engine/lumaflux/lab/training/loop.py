"""The loop every stage runs in: updates to an end by number or by the clock, checkpoints, validation, results."""

import time

import torch

from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.frozen import digest
from lumaflux.lab.training.processes import Processes
from lumaflux.lab.training.run import Averaged, NotFiniteError, Run, Stage
from lumaflux.lab.training.tracking import Silent, Tracker


def run_stage(
    stage: Stage,
    config: TrainConfig,
    stop_after: int | None = None,
    processes: Processes | None = None,
    tracker: Tracker | None = None,
    *,
    minutes: float | None = None,
    look_every: int | None = None,
) -> dict[str, float]:
    """Trains to ``config.steps`` updates (or ``stop_after``), from the checkpoint where there is one.

    With ``minutes`` it ends by the clock instead, at the latest with the last update, and the learning rate falls with
    the time; publishing comes on top. ``look_every`` as lumaflux.lab.training.run.Run.

    Returns the last validation figures (of the main process). Raises UserError when a loss is not finite: the state
    before that update is kept as checkpoint and result.
    """
    config.run.mkdir(parents=True, exist_ok=True)
    processes, tracker = processes or Processes(cpu=True), tracker or Silent()
    before = digest(stage.frozen())
    run = Run(stage, config, processes, look_every)
    try:
        _train(run, min(config.steps, stop_after or config.steps), tracker, minutes)
    except NotFiniteError as error:
        run.save()
        _publish(run, tracker)
        raise UserError(
            f"{error}; the state before it is kept in {config.run}: "
            "start another run from it with a lower learning rate"
        ) from None
    figures = _publish(run, tracker)
    if digest(stage.frozen()) != before:
        raise RuntimeError("training changed weights that are frozen")
    processes.wait()
    return figures


def _train(run: Run, end: int, tracker: Tracker, minutes: float | None) -> None:
    config = run.config
    saved = started = time.monotonic()
    first, means, looked = run.step, {}, run.step
    while run.step < end:
        elapsed = None if minutes is None else (time.monotonic() - started) / (60 * minutes)
        if elapsed is not None and _is_over(run, elapsed):
            break
        for figures in run.update(elapsed):
            means = {k: 0.95 * means.get(k, v) + 0.05 * v for k, v in figures.items()}
            looked += 1
            if looked % config.log_every == 0:
                rate = (looked - first) / (time.monotonic() - started)
                tracker.figures(looked, {"per_second": rate, "samples_per_second": rate * config.batch, **means})
        if time.monotonic() - saved > config.checkpoint_seconds:
            run.look()
            run.save()
            saved = time.monotonic()
        if run.step % config.validate_every == 0 and run.step < end:
            run.look()
            _publish(run, tracker)
            run.processes.wait()
    run.look()
    run.save()


def _is_over(run: Run, elapsed: float) -> bool:
    """Whether the time is used up. Processes ask the first one, at the updates that all of them look at."""
    if run.processes.count == 1:
        return elapsed >= 1
    if run.step % run.look_every:
        return False
    told = torch.tensor([elapsed], device=run.device)
    return bool(run.processes.from_main(told)[0] >= 1)


def _publish(run: Run, tracker: Tracker) -> dict[str, float]:
    """Validates, shows and writes the averaged weights."""
    if not run.processes.main:
        return {}
    with Averaged(run.parameters, run.average), torch.no_grad():
        figures = run.stage.validate()
        tracker.figures(run.step, figures)
        tracker.pictures(run.step, run.stage.pictures())
        run.stage.finish(run.config.run)
    return figures
