"""`lumaflux bench gpu`: the kernels on a CUDA device, proven against float64 and timed against what they replace.

Its parts run in tests on the CPU with expressions in the kernels' place.
By itself: ``python -m lumaflux.lab.bench.gpu [--small] [--rounds N] [--json FILE]``.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lumaflux.arguments import new_file, whole
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.inference.composition import gain_expression
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.lab.bench.clock import replayed, waited
from lumaflux.lab.bench.kernel_checks import Check, check_kernels, result_of
from lumaflux.lab.bench.roofline import Step, Work
from lumaflux.lab.bench.velocity import bench_config
from lumaflux.model.build import build
from lumaflux.model.latents import pack
from lumaflux.model.spline import PEAK_PQ, knots_from_logits, tone_expression
from lumaflux.ops import coupler_add, film_layer_norm, gain_map, gated_low_rank, launch, spline_pq

_CHECKED_TOKENS = 321  # ragged; float64 of them fits any card
_L2_BYTES = 64 << 20  # what a device is taken to cache where it does not say
_BEYOND_L2 = 3  # times the cache: inputs in turn, so that none is found there
SMALL = Step(height=48, width=64, channels=64, heads=2, rank=8, bottleneck=32)  # for a rehearsal


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kernel: ``inputs`` for a number of tokens or rows, and the Work of ``size`` of them."""

    name: str
    kernel: Callable[..., Tensor]
    expression: Callable[..., Tensor]
    inputs: Callable[[int], tuple[Any, ...]]
    size: int
    work: Work


def gpu_figures(rounds: int) -> dict[str, Any]:
    """Everything on the first CUDA device; raises UserError where there is none."""
    if not torch.cuda.is_available():
        raise UserError("lumaflux bench gpu needs a CUDA device, and torch finds none here; run it where one is")
    device = torch.device("cuda:0")
    checked = check_kernels(device)
    return {"device": torch.cuda.get_device_name(device), "checks": checked} | figures(device, rounds, Step())


@torch.inference_mode()
def figures(device: torch.device, rounds: int, step: Step, *, expressions: bool = False) -> dict[str, Any]:
    """Bandwidth, each kernel's error and times, and a step of ``step``'s width with kernels and without.

    ``expressions``: they run in the kernels' place, which proves the bench, on any device.
    """
    bandwidth = measured_bandwidth(device, rounds)
    rows: dict[str, Any] = {"bandwidth_gb_s": bandwidth / 1e9}
    for dtype in (torch.float16, torch.bfloat16):
        for case in cases(device, dtype, step):
            case = replace(case, kernel=case.expression) if expressions else case
            rows[f"{case.name} {dtype}".replace("torch.", "")] = kernel_row(case, bandwidth, rounds, device)
    return rows | {"step": step_row(device, rounds, step)}


class _Drawn:
    """Random inputs, the same in every run."""

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self._generator, self.device, self.dtype = torch.Generator(device).manual_seed(0), device, dtype

    def normal(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self.device).to(dtype or self.dtype)

    def uniform(self, *shape: int) -> Tensor:
        """In [0,1), fp32."""
        return torch.rand(shape, generator=self._generator, device=self.device)

    def scalar(self) -> Tensor:
        return self.uniform(1).to(self.dtype)


def cases(device: torch.device, dtype: torch.dtype, step: Step) -> list[Case]:
    """The kernels at the sizes of ``step``; those over pixels are in fp32 whatever ``dtype`` is."""
    drawn = _Drawn(device, dtype)
    return [*_token_kernels(drawn, step), *_pixel_kernels(drawn, step)]


def _token_kernels(drawn: _Drawn, step: Step) -> list[Case]:
    d, h, r, m = step.channels, step.heads, step.rank, step.bottleneck
    alpha, beta, gain, coupling = (drawn.scalar() for _ in range(4))
    factors = 0.05 * drawn.normal(r, d), 0.05 * drawn.normal(d, r)

    def gated(tokens: int) -> tuple[Any, ...]:
        pictures = drawn.normal(1, tokens, d), drawn.normal(1, tokens, d)
        gates = drawn.uniform(1, tokens, h).to(drawn.dtype), drawn.uniform(1, h).to(drawn.dtype)
        return *pictures, *factors, alpha, beta, *gates, gain

    def coupled(tokens: int) -> tuple[Any, ...]:
        lifts = 0.1 * drawn.normal(d, m), 0.1 * drawn.normal(d, m)
        return drawn.normal(1, tokens, d), drawn.normal(1, tokens, 2 * m), *lifts, coupling

    return [
        Case(
            name="gated_low_rank",
            kernel=gated_low_rank.kernel,
            expression=gated_low_rank.expression,
            inputs=gated,
            size=step.tokens,
            work=step.gated_low_rank(step.tokens),
        ),
        Case(
            name="film_layer_norm",
            kernel=film_layer_norm.kernel,
            expression=film_layer_norm.expression,
            inputs=lambda tokens: (drawn.normal(1, tokens, d), drawn.normal(1, 1, 2 * d), alpha, beta),
            size=step.image_tokens,
            work=step.film_layer_norm(),
        ),
        Case(
            name="coupler_add",
            kernel=coupler_add.kernel,
            expression=coupler_add.expression,
            inputs=coupled,
            size=step.image_tokens,
            work=step.coupler_add(),
        ),
    ]


def _pixel_kernels(drawn: _Drawn, step: Step) -> list[Case]:
    knots = knots_from_logits(drawn.normal(1, 25, dtype=torch.float32), 8)
    chroma = torch.eye(2, device=drawn.device).view(2, 2, 1, 1), torch.zeros(2, device=drawn.device)
    small = 1, 3, step.height // 2, step.width // 2
    maps = [0.3 * drawn.normal(*small, dtype=torch.float32) for _ in range(3)]

    def splined(rows: int) -> tuple[Any, ...]:
        return drawn.uniform(1, 3, rows, step.width), knots.x, knots.y, knots.derivatives, *chroma, PEAK_PQ

    def composed(rows: int) -> tuple[Any, ...]:
        share = drawn.uniform(1, 1, rows, step.width)
        return drawn.uniform(1, 3, rows, step.width), *maps, share, 0, step.height, OFFSET_NITS, LARGEST_STOPS

    work = step.pixel_kernels()
    return [
        Case(
            name="spline_pq",
            kernel=spline_pq.kernel,
            expression=tone_expression,
            inputs=splined,
            size=step.height,
            work=work["spline_pq"],
        ),
        Case(
            name="gain_map",
            kernel=gain_map.kernel,
            expression=gain_expression,
            inputs=composed,
            size=step.height,
            work=work["gain_map"],
        ),
    ]


def kernel_row(case: Case, bandwidth: float, rounds: int, device: torch.device) -> dict[str, Any]:
    """Relative error from float64 and whether it is within bounds; microseconds; share of the bandwidth reached.

    ``kernel_us`` and ``torch_us`` are the device's, of replayed graphs over inputs beyond the cache; ``..._call_us``
    what a caller waits for one call.
    """
    few = case.inputs(min(case.size, _CHECKED_TOKENS))
    proof = result_of(Check(kernel=case.kernel, expression=case.expression, label=case.name, inputs=few))
    sets = [case.inputs(case.size) for _ in range(_sets(case, device))]
    taken, expressed = (
        replayed([partial(call, *inputs) for inputs in sets], rounds, device) for call in (case.kernel, case.expression)
    )
    called, expression_called = (
        waited(partial(call, *sets[0]), rounds, device) for call in (case.kernel, case.expression)
    )
    return proof | {
        "kernel_us": 1e6 * taken,
        "torch_us": 1e6 * expressed,
        "kernel_call_us": 1e6 * called,
        "torch_call_us": 1e6 * expression_called,
        "limit_us": 1e6 * case.work.bytes / bandwidth,
        "of_bandwidth": case.work.bytes / bandwidth / taken,
    }


def _sets(case: Case, device: torch.device) -> int:
    """How many sets of inputs in turn leave none in the cache by the time it is used again."""
    if device.type != "cuda":
        return 1
    cached = getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0) or _L2_BYTES
    return 1 + -(-_BEYOND_L2 * cached // max(1, int(case.work.bytes)))


def step_row(device: torch.device, rounds: int, step: Step) -> dict[str, float]:
    """Milliseconds of one velocity through two double-stream and four single-stream blocks of ``step``'s width."""
    base = bench_config()
    head = step.channels // step.heads
    turned = [head // 8, head * 7 // 16, head - head // 8 - head * 7 // 16]
    transformer = base.transformer | {
        "num_attention_heads": step.heads,
        "attention_head_dim": head,
        "axes_dims_rope": [side // 2 * 2 for side in turned],
    }
    model = build(replace(base, transformer=transformer, rank=step.rank, bottleneck=step.bottleneck), seed=0)
    model = model.cast(torch.bfloat16 if device.type == "cuda" else torch.float32).to(device).eval()
    side = model.config.token_stride
    height, width = (-(-size // side) * side for size in (step.height, step.width))
    seen = model.condition(torch.rand(1, 3, height, width, device=device))
    z = torch.randn(
        1, model.config.latent_channels, 2 * height // side, 2 * width // side, device=device, dtype=model.dtype
    )
    tokens, t = pack(z), torch.tensor([0.5], device=device)
    psi = model.psi(t)

    def velocity() -> Tensor:
        return model.token_velocity(tokens, t, seen, psi)

    fused, replayed_fused = waited(velocity, rounds, device), replayed([velocity], rounds, device)
    with launch.expressions_only():
        unfused, replayed_unfused = waited(velocity, rounds, device), replayed([velocity], rounds, device)
    return {
        "fused_ms": 1e3 * fused,
        "unfused_ms": 1e3 * unfused,
        "unfused_over_fused": unfused / fused,
        "fused_replayed_ms": 1e3 * replayed_fused,
        "unfused_replayed_ms": 1e3 * replayed_unfused,
    }


def measured_bandwidth(device: torch.device, rounds: int) -> float:
    """Bytes per second of a copy within the device's memory, read and written."""
    size = (1 << 30) if device.type == "cuda" else (1 << 22)
    source, target = (torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * size / replayed([lambda: target.copy_(source)], rounds, device)


def gpu_table(rows: dict[str, Any]) -> str:
    """Markdown of ``figures``."""
    lines = [
        f"Copying within the device's memory: {rows['bandwidth_gb_s']:.0f} GB/s.",
        "",
        "| kernel | error | rounding of its type | agrees | kernel, us | torch, us | bandwidth's limit, us | of it "
        "| a call, us | torch's, us |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        if isinstance(row, dict) and "kernel_us" in row:
            lines.append(
                f"| {name} | {row['error']:.2e} | {row['rounding']:.2e} | {'yes' if row['agrees'] else 'NO'} "
                f"| {row['kernel_us']:.1f} | {row['torch_us']:.1f} | {row['limit_us']:.1f} "
                f"| {row['of_bandwidth']:.0%} | {row['kernel_call_us']:.1f} | {row['torch_call_us']:.1f} |"
            )
    step = rows["step"]
    whole = f"A step of six blocks: {step['fused_ms']:.2f} ms with the kernels, {step['unfused_ms']:.2f} ms without."
    return "\n".join([*lines, "", whole])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.gpu", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a rehearsal: small shapes, on any device")
    parser.add_argument("--rounds", type=whole(), default=15)
    parser.add_argument("--json", type=new_file, help="where the figures are written")
    options = parser.parse_args()
    if options.small:
        device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        found = figures(device, options.rounds, SMALL, expressions=device.type == "cpu")
    else:
        found = gpu_figures(options.rounds)
    print(gpu_table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    with told("lumaflux"):
        main()
