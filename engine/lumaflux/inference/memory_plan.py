"""Which form of a model fits a device: the first of those that cost less memory and more of something else.

In this order: as it is in bf16; its blocks' matrices in eight bits; blocks kept on the host, as many as must be; the
autoencoder in smaller tiles before each of these; last a smaller working size. Peaks are counted by
lumaflux.model.footprint with real shapes; they have not been measured on a card.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import psutil
import torch

from lumaflux.backends.device import pick_dtype
from lumaflux.errors import UserError
from lumaflux.model.config import LumaFluxConfig, config_from_json
from lumaflux.model.footprint import Weights, autoencoder_peak, flops_of, velocity_peak, weights_of

GIB = 1 << 30
AUTO = "auto"
_RESERVED = 0.7 * GIB  # what a CUDA context and its libraries take (assumed)
USABLE = 0.95  # of a GPU: the driver and a display take the rest (assumed)
_MARGIN = 1.1  # of activations: workspaces of convolutions, fragments of the allocator (assumed)
_IN_FLIGHT = 2  # blocks of those kept on the host that are on the device at a time: one computes, one comes
_TILES = (2048, 1024, 512)  # pixels a side
_SMALLER = (1.0, 0.5, 0.25)  # of the working size
_ASPECT = 16 / 9
_LONG = 60.0  # seconds a frame, beyond which one is asked


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """``resident``: transformer blocks that stay on the device, of ``blocks``. ``peak`` and ``host`` in bytes."""

    model: str
    fp8: bool
    resident: int
    blocks: int
    vae_tile: int
    working_pixels: int
    peak: int
    host: int
    scaled: bool = False  # products of the blocks in eight bits
    key_batch: int = 1  # key frames that pass the network at a time

    def sentence(self) -> str:
        """What is printed before it starts."""
        precision = (
            f"blocks in fp8 ({'weights and products' if self.scaled else 'weights alone'})" if self.fp8 else "bf16"
        )
        away = self.blocks - self.resident
        kept = (
            f"{away} of {self.blocks} blocks kept on the host ({self.host / GIB:.1f} GiB)" if away else "all resident"
        )
        keys = f", {self.key_batch} key frames at a time" if self.key_batch > 1 else ""
        return (
            f"{self.model}: {precision}, {kept}, autoencoder in fp32 in tiles of {self.vae_tile} px, working size "
            f"{self.working_pixels / 1e6:.2f} MP{keys}, expected peak {self.peak / GIB:.1f} GiB (calculated)"
        )


def token_grid(config: LumaFluxConfig, pixels: int) -> tuple[int, int]:
    """Rows and columns of tokens of a 16:9 frame of so many pixels."""
    height = math.sqrt(pixels / _ASPECT)
    return math.ceil(height / config.token_stride), math.ceil(height * _ASPECT / config.token_stride)


def plan_for(
    config: LumaFluxConfig,
    budget: float,
    *,
    dtype: torch.dtype = torch.bfloat16,
    fp8: bool | None = None,
    free: float | None = None,
) -> MemoryPlan:
    """The first plan whose peak is within ``budget`` bytes of the device. ``fp8``: True and False allow that alone.

    Where less is ``free`` at the moment, more blocks go to the host: what decides on pixels is the budget alone.

    Raises UserError, with what would fit, where none is.
    """
    least: MemoryPlan | None = None
    for plan in _plans(config, budget, dtype, fp8):
        if plan.peak <= budget:
            return plan if free is None or plan.peak <= free else _in_what_is_free(config, plan, free, dtype)
        least = plan if least is None or plan.peak < least.peak else least
    assert least is not None
    raise UserError(
        f"{config.name} does not fit {budget / GIB:.1f} GiB: the least form needs {least.peak / GIB:.1f} GiB "
        f"({least.sentence()}); name a device with more memory, or a smaller model (docs/guide/flux.md)"
    )


def _in_what_is_free(config: LumaFluxConfig, plan: MemoryPlan, free: float, dtype: torch.dtype) -> MemoryPlan:
    sized = replace(config, working_pixels=plan.working_pixels)
    weights = weights_of(config, dtype, fp8=plan.fp8, vae_dtype=torch.float32)
    shape = json.dumps(sized.to_json())
    beside = _beside(shape, dtype, plan.fp8, plan.vae_tile)
    fewer = _plan(sized, weights, beside, plan.fp8, plan.vae_tile, free)
    if fewer.peak > free:
        raise UserError(
            f"only {free / GIB:.1f} GiB of the GPU are free, and {config.name} needs {fewer.peak / GIB:.1f} GiB with "
            "every block on the host; end what else uses it, or name less with --vram"
        )
    return fewer


def _plans(config: LumaFluxConfig, budget: float, dtype: torch.dtype, fp8: bool | None) -> Iterator[MemoryPlan]:
    eights = (False, True) if fp8 is None else (fp8,)
    weights = {eight: weights_of(config, dtype, fp8=eight, vae_dtype=torch.float32) for eight in eights}
    for share in _SMALLER:
        sized = replace(config, working_pixels=int(config.working_pixels * share))
        shape = json.dumps(sized.to_json())
        for away in (False, True):
            # eight bits that stay cost less than blocks that come and go; those that go, go in eight bits, beside the
            # smallest tiles, so that few must
            for eight in eights if not away else eights[-1:]:
                for tile in _TILES if not away else _TILES[-1:]:
                    beside = _beside(shape, dtype, eight, tile)
                    yield _plan(sized, weights[eight], beside, eight, tile, budget if away else None)


def with_key_batch(
    config: LumaFluxConfig, plan: MemoryPlan, most: int, budget: "Budget", dtype: torch.dtype
) -> MemoryPlan:
    """The plan with as many key frames at a time as fit beside it, at most ``most``: neither blocks nor pixels go for
    them. Two frames are followed; each more takes what the second one does."""
    room = budget.limit if budget.free is None else min(budget.limit, budget.free)
    if most == 1:
        return plan
    shape = json.dumps(replace(config, working_pixels=plan.working_pixels).to_json())
    one, two = (_beside(shape, dtype, plan.fp8, plan.vae_tile, frames) for frames in (1, 2))
    more = int(_MARGIN * (two - one))
    count = min(most, 1 + max(0, int((room - plan.peak) // more)))
    return replace(plan, key_batch=count, peak=plan.peak + (count - 1) * more)


def _beside(shape: str, dtype: torch.dtype, fp8: bool, tile: int, frames: int = 1) -> int:
    return max(_velocity(shape, dtype, fp8, frames), _autoencoder(shape, tile, frames))


@lru_cache(maxsize=64)
def _velocity(shape: str, dtype: torch.dtype, fp8: bool, frames: int) -> int:
    config = config_from_json(json.loads(shape))
    return velocity_peak(config, token_grid(config, config.working_pixels), dtype, fp8=fp8, frames=frames)


@lru_cache(maxsize=64)
def _autoencoder(shape: str, tile: int, frames: int) -> int:
    config = config_from_json(json.loads(shape))
    return autoencoder_peak(config, token_grid(config, config.working_pixels), tile, torch.float32, frames=frames)


def _plan(
    config: LumaFluxConfig, weights: Weights, beside: int, eight: bool, tile: int, budget: float | None
) -> MemoryPlan:
    """All blocks resident, or with a ``budget`` as many as it leaves room for."""
    fixed = weights.rest + weights.vae + weights.tower + weights.adapters + _RESERVED
    fixed += _MARGIN * beside
    resident, in_flight = len(weights.blocks), 0
    if budget is not None:
        in_flight = _IN_FLIGHT * max(weights.blocks)
        room, resident = budget - fixed - in_flight, 0
        while resident < len(weights.blocks) and sum(weights.blocks[: resident + 1]) <= room:
            resident += 1
    return MemoryPlan(
        model=config.name,
        fp8=eight,
        resident=resident,
        blocks=len(weights.blocks),
        vae_tile=tile,
        working_pixels=config.working_pixels,
        peak=int(fixed + in_flight + sum(weights.blocks[:resident])),
        host=sum(weights.blocks[resident:]),
    )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Bytes of a device: ``limit`` decides on the plan, ``free`` (None where nobody knows) on where blocks lie."""

    limit: float
    free: float | None


def budget_of(vram: str, device: torch.device) -> Budget | None:
    """What --vram names, in GiB, or nearly all of ``device``, whatever else is on it: the same card gives the same
    pixels. None for auto on a CPU. Raises UserError for more than is free."""
    free, whole = torch.cuda.mem_get_info(device) if device.type == "cuda" else (None, None)
    if vram == AUTO:
        return None if whole is None else Budget(limit=USABLE * whole, free=free)
    named = float(vram) * GIB
    if free is not None and named > free:
        raise UserError(f"--vram is {vram} GiB, but {device} has {free / GIB:.1f} GiB free; name no more than that")
    return Budget(limit=named, free=free)


def total_bytes(config: LumaFluxConfig, dtype: torch.dtype) -> int:
    """Of all weights in ``dtype``."""
    weights = weights_of(config, dtype, fp8=False, vae_dtype=dtype)
    return sum(weights.blocks) + weights.rest + weights.vae + weights.tower + weights.adapters


def seconds_on(config: LumaFluxConfig, device: torch.device, dtype: torch.dtype) -> float:
    """About how long one frame takes by its matrix products alone, at the speed of one that is timed here."""
    side = 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    _ = a @ b
    started = time.perf_counter()
    _ = a @ b
    rate = 2 * side**3 / (time.perf_counter() - started)
    return config.steps * flops_of(config, token_grid(config, config.working_pixels)) / rate


def refuse_the_cpu(config: LumaFluxConfig, precision: str | None, *, yes: bool) -> None:
    """Raises UserError where a model of this size does not fit the memory of this machine; and, without ``yes``, where
    a frame takes long on its CPU, with the time that it takes."""
    device = torch.device("cpu")
    dtype = pick_dtype(precision, device)
    needed, there = total_bytes(config, dtype), psutil.virtual_memory().total
    if needed > there:
        half = ", --precision bf16 takes half" if dtype == torch.float32 else ""
        raise UserError(
            f"{config.name} takes {needed / GIB:.0f} GiB of memory on the CPU, this machine has {there / GIB:.0f} GiB"
            f"{half}; name a GPU with --device, or a smaller model"
        )
    if yes:
        return
    seconds = seconds_on(config, device, dtype)
    if seconds >= _LONG:
        raise UserError(
            f"{config.name} on the CPU takes about {seconds / 60:.0f} minutes a frame by its matrix products alone; "
            "give --yes to go on, or name a GPU with --device"
        )
