"""`lumaflux bench --gpu`: the kernels on a CUDA device, proven against float64 and timed against what they replace.

Not executed so far: no device was at hand. Its parts run in tests on the CPU with expressions in the kernels' place.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.inference.composition import gain_expression
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.lab.bench.roofline import Step, Work
from lumaflux.lab.bench.velocity import bench_config
from lumaflux.model.build import build
from lumaflux.model.latents import pack
from lumaflux.model.spline import PEAK_PQ, knots_from_logits, tone_expression
from lumaflux.ops import coupler_add, film_layer_norm, gain_map, gated_low_rank, launch, spline_pq

WITHIN = 1e-3  # relative L2 beside the rounding of the result to its type
_CHECKED_TOKENS = 321  # ragged; float64 of them fits any card


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
        raise UserError("lumaflux bench --gpu needs a CUDA device, and torch finds none here; run it where one is")
    device = torch.device("cuda:0")
    return {"device": torch.cuda.get_device_name(device)} | figures(device, rounds, Step())


@torch.inference_mode()
def figures(device: torch.device, rounds: int, step: Step) -> dict[str, Any]:
    """Bandwidth, each kernel's error and times, and a step of ``step``'s width with kernels and without."""
    bandwidth = measured_bandwidth(device, rounds)
    rows: dict[str, Any] = {"bandwidth_gb_s": bandwidth / 1e9}
    for dtype in (torch.float16, torch.bfloat16):
        for case in cases(device, dtype, step):
            rows[f"{case.name} {dtype}".replace("torch.", "")] = kernel_row(case, bandwidth, rounds, device)
    return rows | {"step": step_row(device, rounds, step)}


def cases(device: torch.device, dtype: torch.dtype, step: Step) -> list[Case]:
    """The kernels at the sizes of ``step``; those over pixels are in fp32 whatever ``dtype`` is."""
    generator = torch.Generator(device).manual_seed(0)

    def normal(*shape: int, kind: torch.dtype = dtype) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(kind)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    d, h, r, m = step.channels, step.heads, step.rank, step.bottleneck
    alpha, beta, gain, coupling = (uniform(1).to(dtype) for _ in range(4))
    factors = 0.05 * normal(r, d), 0.05 * normal(d, r)
    knots = knots_from_logits(normal(1, 25, kind=torch.float32), 8)
    chroma = torch.eye(2, device=device).view(2, 2, 1, 1), torch.zeros(2, device=device)
    maps = [0.3 * normal(1, 3, step.height // 2, step.width // 2, kind=torch.float32) for _ in range(3)]

    def composed(rows: int) -> tuple[Any, ...]:
        share = uniform(1, 1, rows, step.width)
        return uniform(1, 3, rows, step.width), *maps, share, 0, step.height, OFFSET_NITS, LARGEST_STOPS

    pixels = step.pixel_kernels()
    return [
        Case(
            name="gated_low_rank",
            kernel=gated_low_rank.kernel,
            expression=gated_low_rank.expression,
            inputs=lambda t: (
                *(normal(1, t, d), normal(1, t, d), *factors, alpha, beta),
                *(uniform(1, t, h).to(dtype), uniform(1, h).to(dtype), gain),
            ),
            size=step.tokens,
            work=step.gated_low_rank(step.tokens),
        ),
        Case(
            name="film_layer_norm",
            kernel=film_layer_norm.kernel,
            expression=film_layer_norm.expression,
            inputs=lambda t: (normal(1, t, d), normal(1, 1, 2 * d), alpha, beta),
            size=step.image_tokens,
            work=step.film_layer_norm(),
        ),
        Case(
            name="coupler_add",
            kernel=coupler_add.kernel,
            expression=coupler_add.expression,
            inputs=lambda t: (normal(1, t, d), normal(1, t, 2 * m), 0.1 * normal(d, m), 0.1 * normal(d, m), coupling),
            size=step.image_tokens,
            work=step.coupler_add(),
        ),
        Case(
            name="spline_pq",
            kernel=spline_pq.kernel,
            expression=tone_expression,
            inputs=lambda rows: (
                *(uniform(1, 3, rows, step.width), knots.x, knots.y, knots.derivatives),
                *(*chroma, PEAK_PQ),
            ),
            size=step.height,
            work=pixels["spline_pq"],
        ),
        Case(
            name="gain_map",
            kernel=gain_map.kernel,
            expression=gain_expression,
            inputs=composed,
            size=step.height,
            work=pixels["gain_map"],
        ),
    ]


def kernel_row(case: Case, bandwidth: float, rounds: int, device: torch.device) -> dict[str, Any]:
    """Relative error from float64 and whether it is within bounds; microseconds; share of the bandwidth reached."""
    few = case.inputs(min(case.size, _CHECKED_TOKENS))
    exact = case.expression(*(part.double() if isinstance(part, Tensor) else part for part in few))
    result = case.kernel(*few)
    error, rounding = (
        float((part.double() - exact).norm() / exact.norm()) for part in (result, exact.to(result.dtype))
    )
    inputs = case.inputs(case.size)
    expressed = seconds(lambda: _unused(case.expression(*inputs)), rounds, device)
    taken = seconds(lambda: _unused(case.kernel(*inputs)), rounds, device)
    return {
        "error": error,
        "rounding": rounding,
        "agrees": error < (rounding**2 + WITHIN**2) ** 0.5,
        "kernel_us": 1e6 * taken,
        "torch_us": 1e6 * expressed,
        "limit_us": 1e6 * case.work.bytes / bandwidth,
        "of_bandwidth": case.work.bytes / bandwidth / taken,
    }


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

    def velocity() -> None:
        _unused(model.token_velocity(tokens, t, seen, psi))

    fused = seconds(velocity, rounds, device)
    with launch.expressions_only():
        unfused = seconds(velocity, rounds, device)
    return {"fused_ms": 1e3 * fused, "unfused_ms": 1e3 * unfused, "unfused_over_fused": unfused / fused}


def measured_bandwidth(device: torch.device, rounds: int) -> float:
    """Bytes per second of a copy within the device's memory, read and written."""
    size = (1 << 30) if device.type == "cuda" else (1 << 22)
    source, target = (torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * size / seconds(lambda: _unused(target.copy_(source)), rounds, device)


def seconds(call: Callable[[], None], rounds: int, device: torch.device) -> float:
    """Median of ``rounds`` calls after two to warm up, by the device's own clock where it has one."""
    for _ in range(2):
        call()
    if device.type != "cuda":
        return statistics.median(_one(call) for _ in range(rounds))
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(rounds)]
    for begin, end in marks:
        begin.record()
        call()
        end.record()
    torch.cuda.synchronize(device)
    return statistics.median(begin.elapsed_time(end) for begin, end in marks) / 1e3


def _one(call: Callable[[], None]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _unused(result: Tensor) -> None:
    del result


def gpu_table(rows: dict[str, Any]) -> str:
    """Markdown of ``figures``."""
    lines = [
        f"Copying within the device's memory: {rows['bandwidth_gb_s']:.0f} GB/s.",
        "",
        "| kernel | error | rounding of its type | agrees | kernel, us | torch, us | bandwidth's limit, us | of it |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        if isinstance(row, dict) and "kernel_us" in row:
            lines.append(
                f"| {name} | {row['error']:.2e} | {row['rounding']:.2e} | {'yes' if row['agrees'] else 'NO'} "
                f"| {row['kernel_us']:.1f} | {row['torch_us']:.1f} | {row['limit_us']:.1f} "
                f"| {row['of_bandwidth']:.0%} |"
            )
    step = rows["step"]
    whole = f"A step of six blocks: {step['fused_ms']:.2f} ms with the kernels, {step['unfused_ms']:.2f} ms without."
    return "\n".join([*lines, "", whole])
