"""The price of the adapters: steered velocity over the bare frozen transformer, interleaved, median."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from lumaflux.lab.bench.clock import synchronize
from lumaflux.model.bare import BareTransformer
from lumaflux.model.build import build
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.latents import pack
from lumaflux.model.presets import TINY_FLUX

TOKENS_PER_SIDE = 32
CPU = torch.device("cpu")


def bench_config() -> LumaFluxConfig:
    """A random transformer of width 512, as deep as needed for block costs to dominate."""
    transformer = {
        **TINY_FLUX.transformer,
        "in_channels": 64,
        "num_layers": 2,
        "num_single_layers": 4,
        "attention_head_dim": 64,
        "num_attention_heads": 8,
        "joint_attention_dim": 256,
        "pooled_projection_dim": 64,
        "axes_dims_rope": [16, 24, 24],
    }
    vae = {**TINY_FLUX.vae, "latent_channels": 16}
    return replace(TINY_FLUX, name="bench", transformer=transformer, vae=vae)


@torch.inference_mode()
def velocity_overhead(rounds: int = 15, device: torch.device = CPU) -> dict[str, float]:
    """``velocity_ms``, ``bare_ms`` (diffusers' own forward) and their ratio at 1,024 tokens, width 512.

    In fp32 on the CPU, in bf16 elsewhere, as the product runs there.
    """
    config = bench_config()
    model = build(config, seed=0).cast(torch.float32 if device.type == "cpu" else torch.bfloat16).to(device).eval()
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    side = TOKENS_PER_SIDE * config.token_stride
    seen = model.condition(torch.rand(1, 3, side, side, device=device))
    z = torch.randn(1, config.latent_channels, 2 * TOKENS_PER_SIDE, 2 * TOKENS_PER_SIDE, device=device)
    z, t = z.to(model.dtype), torch.tensor([0.5], device=device)
    tokens = pack(z)
    psi, frozen = model.psi(t), BareTransformer(model)
    calls = {
        "velocity": lambda: model.token_velocity(tokens, t, seen, psi),
        "bare": lambda: frozen(z, t.to(model.dtype), seen),
    }
    seconds = interleaved(calls, rounds, device)
    velocity, reference = seconds["velocity"], seconds["bare"]
    return {
        "velocity_ms": 1000 * statistics.median(velocity),
        "bare_ms": 1000 * statistics.median(reference),
        "velocity_overhead": statistics.median(a / b for a, b in zip(velocity, reference, strict=True)),
    }


def interleaved(
    calls: Mapping[str, Callable[[], object]], rounds: int, device: torch.device = CPU
) -> dict[str, list[float]]:
    """Runs every call once a round, after two warm-up rounds; seconds until the device is done, by name."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            synchronize(device)
            start = time.perf_counter()
            call()
            synchronize(device)
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds
