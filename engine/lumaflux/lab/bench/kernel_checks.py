"""The kernels on small, ragged and large shapes against float64: `lumaflux bench gpu`, and under compute-sanitizer.

Run by itself: ``python -m lumaflux.lab.bench.kernel_checks [--small] [--expressions] [--json FILE]``; exit code 1 where
a kernel does not agree.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lumaflux.arguments import new_file
from lumaflux.endings import told
from lumaflux.inference.composition import gain_expression
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS
from lumaflux.model.spline import PEAK_PQ, knots_from_logits, tone_expression
from lumaflux.ops import coupler_add, film_layer_norm, gain_map, gated_low_rank, spline_pq

BEYOND_ROUNDING, WITHIN = 1.5, 1e-3  # relative L2: of the exact result's rounding to its type, and beside it
_SMALL = 300_000  # numbers: what compute-sanitizer can follow in seconds
_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Check:
    """One kernel, the expression that it must agree with, and inputs; ``label`` says their sizes."""

    kernel: Callable[..., Tensor]
    expression: Callable[..., Tensor]
    label: str
    inputs: tuple[Any, ...]

    @property
    def numbers(self) -> int:
        return sum(part.numel() for part in self.inputs if isinstance(part, Tensor))


def checks(device: torch.device) -> Iterator[Check]:
    """Every kernel in every type: one token, ragged tokens, ragged channels, FLUX.1's width, parts of larger ones."""
    generator = torch.Generator(device).manual_seed(0)

    def normal(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(kind)

    def uniform(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
        return torch.rand(shape, generator=generator, device=device).to(kind)

    for kind in (torch.float16, torch.bfloat16):
        yield from _token_checks(kind, normal, uniform)
    for batch, height, width, bins in ((1, 1, 1, 8), (1, 37, 53, 8), (2, 96, 171, 64), (1, 1080, 1920, 8)):
        knots = knots_from_logits(normal(batch, 3 * bins + 1), bins)
        picture = uniform(batch, 3, height + 8, width)[..., :height, :]  # cropped, as decoded frames are
        chroma = torch.eye(2, device=device).view(2, 2, 1, 1) + 0.05 * normal(2, 2, 1, 1), 0.01 * normal(2)
        yield Check(
            kernel=spline_pq.kernel,
            expression=tone_expression,
            label=f"spline_pq {batch}x{height}x{width}, {bins} bins",
            inputs=(picture, knots.x, knots.y, knots.derivatives, *chroma, PEAK_PQ),
        )
    for batch, height, width, rows, top, shared in (
        (1, 64, 96, 64, 0, True),
        (1, 1080, 1920, 273, 273, True),
        (2, 37, 53, 9, 28, False),
        (1, 1, 1, 1, 0, True),
    ):
        maps = [0.3 * normal(batch, 3, max(1, height // 2), max(1, width // 2)) for _ in range(3)]
        share = uniform(batch, 1, rows, width) if shared else None
        yield Check(
            kernel=gain_map.kernel,
            expression=gain_expression,
            label=f"gain_map {batch}x{height}x{width}, {rows} rows from {top}",
            inputs=(uniform(batch, 3, rows, width), *maps, share, top, height, OFFSET_NITS, LARGEST_STOPS),
        )


def _token_checks(kind: torch.dtype, normal: Callable[..., Tensor], uniform: Callable[..., Tensor]) -> Iterator[Check]:
    name = str(kind).removeprefix("torch.")
    for batch, tokens, width, heads, rank in (
        (1, 1, 192, 6, 8),
        (2, 65, 192, 6, 4),
        (1, 77, 200, 5, 8),
        (1, 321, 3072, 24, 8),
        (2, 129, 3072, 24, 16),
        (1, 200, 3072, 24, 32),
    ):
        pair = [normal(batch, tokens, width, kind=kind) for _ in range(2)]
        factors = (0.05 * normal(rank, width)).to(kind), (0.05 * normal(width, rank)).to(kind)
        psi = uniform(batch, 2, 6)[:, 1].unbind(1)  # columns of a table, as the model's are
        for gates in ((uniform(batch, heads, kind=kind), psi[4]), (None, None)):
            yield Check(
                kernel=gated_low_rank.kernel,
                expression=gated_low_rank.expression,
                label=f"gated_low_rank {name} {batch}x{tokens}x{width}, rank {rank}{'' if gates[0] is None else ', G'}",
                inputs=(*pair, *factors, psi[0], psi[1], uniform(batch, tokens, heads, kind=kind), *gates),
            )
    for batch, tokens, width in ((1, 1, 8), (2, 65, 192), (2, 9, 1032), (2, 33, 3072), (1, 7, 4096)):
        hidden = normal(batch, tokens + 3, width, kind=kind)[:, 3:]  # the image's part of all tokens
        psi = uniform(batch, 2, 6)[:, 1].unbind(1)
        yield Check(
            kernel=film_layer_norm.kernel,
            expression=film_layer_norm.expression,
            label=f"film_layer_norm {name} {batch}x{tokens}x{width}",
            inputs=(hidden, normal(batch, 1, 2 * width, kind=kind), psi[2], psi[3]),
        )
    for batch, tokens, width, middle in ((1, 1, 192, 32), (3, 17, 200, 32), (2, 65, 3072, 64), (1, 321, 3080, 64)):
        hidden = normal(batch, tokens + 3, width, kind=kind)[:, 3:]
        weights = [(0.1 * normal(width, middle)).to(kind) for _ in range(2)]
        yield Check(
            kernel=coupler_add.kernel,
            expression=coupler_add.expression,
            label=f"coupler_add {name} {batch}x{tokens}x{width}, bottleneck {middle}",
            inputs=(hidden, normal(batch, tokens, 2 * middle, kind=kind), *weights, uniform(batch, 2)[:, 1]),
        )


def result_of(check: Check, *, expressions: bool = False) -> dict[str, Any]:
    """``error`` and ``rounding``, relative L2 from float64; whether it ``repeats`` in the same bits and ``agrees``."""
    exact = check.expression(*(part.double() if isinstance(part, Tensor) else part for part in check.inputs))
    call = check.expression if expressions else check.kernel
    made = [call(*check.inputs) for _ in range(_REPEATS)]
    scale = exact.norm()
    error = float((made[0].double() - exact).norm() / scale)
    rounding = float((exact.to(made[0].dtype).double() - exact).norm() / scale)
    repeats = all(torch.equal(made[0], again) for again in made[1:])
    return {
        "error": error,
        "rounding": rounding,
        "repeats": repeats,
        "agrees": repeats and error <= BEYOND_ROUNDING * rounding + WITHIN,  # a NaN is never below
    }


@torch.inference_mode()
def check_kernels(device: torch.device, *, small: bool = False, expressions: bool = False) -> dict[str, dict[str, Any]]:
    """Results by label. ``small``: those alone that a sanitizer follows; ``expressions``: in the kernels' place."""
    results = {}
    for check in checks(device):
        if small and check.numbers > _SMALL:
            continue
        try:
            results[check.label] = result_of(check, expressions=expressions)
        except (RuntimeError, ValueError) as error:  # the other kernels are looked at all the same
            results[check.label] = {"agrees": False, "fault": f"{type(error).__name__}: {error}"}
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.kernel_checks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="only what a sanitizer follows in seconds")
    parser.add_argument("--expressions", action="store_true", help="torch's expressions in the kernels' place")
    parser.add_argument("--json", type=new_file, help="where the results are written")
    options = parser.parse_args()
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    results = check_kernels(device, small=options.small, expressions=options.expressions or device.type == "cpu")
    bad = {label: result for label, result in results.items() if not result["agrees"]}
    for label, result in bad.items():
        print(f"NOT AGREED {label}: {result}")
    print(f"{len(results) - len(bad)} of {len(results)} cases agree on {device}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    with told("lumaflux"):
        sys.exit(main())
