"""`lumaflux train --dry-run`: what a run will need, before it begins.

Memory: weights are counted exactly, on the meta device where they need not be loaded; what activations need is measured
by one micro-batch where the model fits this machine, else computed. Time: measured likewise, else counted operations
over an assumed rate, which is printed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.processes import Processes
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.lumaflux import LumaFlux
from lumaflux.model.presets import HUB_BACKBONES, PRESETS

ASSUMED_FLOPS = 4e14  # a second: 40 % of an H100's dense bf16 rate
_TRAINED_BYTES = 4 * 5  # float32: weight, gradient, two moments, average


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Counts of weights; bytes; seconds. ``measured`` says whether time and activations come from a trial."""

    frozen_parameters: int
    trained_parameters: int
    frozen_bytes: int
    trained_bytes: int
    activation_bytes: int
    seconds_per_update: float
    updates: int
    measured: bool
    assumption: str

    @property
    def total_bytes(self) -> int:
        return self.frozen_bytes + self.trained_bytes + self.activation_bytes

    def sentences(self) -> list[str]:
        """What the command prints."""
        gib = 2**30
        hours = self.seconds_per_update * self.updates / 3600
        return [
            f"frozen: {self.frozen_parameters:,} weights, {self.frozen_bytes / gib:.2f} GiB",
            f"trained: {self.trained_parameters:,} weights, with gradients, moments and average "
            f"{self.trained_bytes / gib:.2f} GiB",
            f"activations of one micro-batch: {self.activation_bytes / gib:.2f} GiB",
            f"memory for each process: {self.total_bytes / gib:.2f} GiB",
            f"time: {self.seconds_per_update:.3g} s an update, {hours:.3g} h for {self.updates:,} updates",
            self.assumption,
        ]


def estimate(config: TrainConfig, processes: Processes) -> Estimate:
    """Raises UserError for a configuration that cannot run (batch, model, data)."""
    micro_batches, size = processes.micro_batches(config)
    if config.stage == "adapters" and str(config.model) in HUB_BACKBONES:
        return _counted(config, PRESETS[str(config.model)], len(micro_batches), size)
    return _measured(config, processes, len(micro_batches), size)


def _measured(config: TrainConfig, processes: Processes, count: int, size: int) -> Estimate:
    from lumaflux.lab.training.run import micro_batch_generator
    from lumaflux.lab.training.stages import make_stage

    stage = make_stage(config, processes.device)
    parameters, frozen = stage.parameters(), stage.frozen()
    seconds = []
    with _peak_bytes(processes.device) as peak:
        for step in range(3):
            started = time.perf_counter()
            stage.losses(step, size, micro_batch_generator(config.seed, step))["total"].backward()
            if processes.device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
    trained = sum(p.numel() for p in parameters.values())
    gradients = sum(p.grad.numel() * p.grad.element_size() for p in parameters.values() if p.grad is not None)
    return Estimate(
        frozen_parameters=sum(w.numel() for w in frozen.values()),
        trained_parameters=trained,
        frozen_bytes=sum(w.numel() * w.element_size() for w in frozen.values()),
        trained_bytes=trained * _TRAINED_BYTES,
        activation_bytes=max(peak[0] - gradients, 0),
        seconds_per_update=count * sum(seconds[1:]) / 2,
        updates=config.steps,
        measured=True,
        assumption=f"measured with three micro-batches of {size} on this machine",
    )


@contextmanager
def _peak_bytes(device: torch.device) -> Iterator[list[int]]:
    """The growth of memory inside the block, as element 0 of the list, once it is left."""
    found = [0]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield found
        found[0] = torch.cuda.max_memory_allocated() - before
        return
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        yield found
    held = highest = 0
    for event in profile.profiler.kineto_results.events():  # pyright: ignore[reportOptionalMemberAccess]
        if event.name() == "[memory]":
            held += event.nbytes()  # pyright: ignore[reportAttributeAccessIssue]
            highest = max(highest, held)
    found[0] = highest


def _counted(config: TrainConfig, shape: LumaFluxConfig, count: int, size: int) -> Estimate:
    if variant := config.options.get("variant"):
        shape = shape.with_variant(variant)
    model = meta_model(shape)
    trained = sum(p.numel() for p in model.adapter_parameters())
    frozen = sum(p.numel() for p in model.parameters()) - trained
    width = 2 if config.precision == "bf16" else 4
    flops = 3 * transformer_flops(model, config.crop) + 4 * vae_flops(model, config.crop)
    if config.gradient_checkpointing:
        flops += transformer_flops(model, config.crop)
    return Estimate(
        frozen_parameters=frozen,
        trained_parameters=trained,
        frozen_bytes=frozen * width,
        trained_bytes=trained * _TRAINED_BYTES,
        activation_bytes=size * width * activation_elements(shape, config.crop, config.gradient_checkpointing),
        seconds_per_update=count * size * flops / ASSUMED_FLOPS,
        updates=config.steps,
        measured=False,
        assumption=f"not measured: {flops / 1e12:.1f} TFLOP a picture at an assumed {ASSUMED_FLOPS / 1e12:.0f} TFLOP/s "
        "for each process; activations computed from the shapes",
    )


def meta_model(shape: LumaFluxConfig) -> LumaFlux:
    """The network without storage."""
    from lumaflux.model.build import build

    with torch.device("meta"):
        return build(shape)


def transformer_flops(model: LumaFlux, crop: int) -> float:
    """Of one forward pass for one picture: 2 for each weight and token, 4 n^2 d a block for attention."""
    shape = model.config
    tokens = (crop // shape.token_stride) ** 2
    context = shape.null_tokens + shape.siglip_tokens
    double = sum(p.numel() for p in model.transformer.transformer_blocks.parameters())
    single = sum(p.numel() for p in model.transformer.single_transformer_blocks.parameters())
    dense = 2.0 * tokens * (double / 2 + single) + 2.0 * context * (double / 2 + single)
    return dense + 4.0 * (tokens + context) ** 2 * shape.width * shape.blocks


def vae_flops(model: LumaFlux, crop: int) -> float:
    """Of one encoding: convolutions by their weights and output pixels."""
    total, side = 0.0, crop
    for name, module in model.vae.encoder.named_modules():
        if isinstance(module, nn.Conv2d):
            side = side // 2 if "downsamplers" in name or "halvings" in name else side
            total += 2.0 * module.weight.numel() * side * side
    return total


def activation_elements(shape: LumaFluxConfig, crop: int, checkpointed: bool) -> int:
    """Numbers that a backward pass through the transformer keeps for one picture.

    A block keeps about 34 numbers a token and channel (Korthikanti et al. 2023, eq. 2, without the attention matrix,
    which fused attention recomputes); with checkpointing one state a block and one block in full.
    """
    tokens = (crop // shape.token_stride) ** 2 + shape.null_tokens + shape.siglip_tokens
    state, block = tokens * shape.width, 34 * tokens * shape.width
    return shape.blocks * state + block if checkpointed else shape.blocks * block
