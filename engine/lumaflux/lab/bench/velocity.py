"""The price of the adapters: steered velocity over the bare frozen transformer, interleaved, median."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from lumaflux.model.bare import BareTransformer
from lumaflux.model.build import build
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.latents import pack
from lumaflux.model.presets import TINY

TOKENS_PER_SIDE = 32


def bench_config() -> LumaFluxConfig:
    """A random transformer of width 512, as deep as needed for block costs to dominate."""
    transformer = {
        **TINY.transformer,
        "in_channels": 64,
        "num_layers": 2,
        "num_single_layers": 4,
        "attention_head_dim": 64,
        "num_attention_heads": 8,
        "joint_attention_dim": 256,
        "pooled_projection_dim": 64,
        "axes_dims_rope": [16, 24, 24],
    }
    vae = {**TINY.vae, "latent_channels": 16}
    return replace(TINY, name="bench", transformer=transformer, vae=vae)


@torch.inference_mode()
def velocity_overhead(rounds: int = 15) -> dict[str, float]:
    """``velocity_ms``, ``bare_ms`` (diffusers' own forward) and their ratio at 1,024 tokens, width 512."""
    config = bench_config()
    model = build(config, seed=0).eval()
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    side = TOKENS_PER_SIDE * config.token_stride
    seen = model.condition(torch.rand(1, 3, side, side))
    z = torch.randn(1, config.latent_channels, 2 * TOKENS_PER_SIDE, 2 * TOKENS_PER_SIDE)
    tokens, t = pack(z), torch.tensor([0.5])
    psi, frozen = model.psi(t), BareTransformer(model)
    calls = {
        "velocity": lambda: model.token_velocity(tokens, t, seen, psi),
        "bare": lambda: frozen(z, t, seen),
    }
    seconds = interleaved(calls, rounds)
    velocity, reference = seconds["velocity"], seconds["bare"]
    return {
        "velocity_ms": 1000 * statistics.median(velocity),
        "bare_ms": 1000 * statistics.median(reference),
        "velocity_overhead": statistics.median(a / b for a, b in zip(velocity, reference, strict=True)),
    }


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Runs every call once a round, after two warm-up rounds; seconds by name."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds
