"""``lumaflux::coupler_add``: the HDR residual coupler with its residual as one operator (paper section 3.3, eq. 7).

y = z + coupling * (bottlenecks [physical, perceptual]^T)
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.operator import Call, Operator
from lumaflux.ops.sources import BOTTLENECKS, ELEMENTS
from lumaflux.ops.sources import coupler_add as variant_of

_TOKENS, _CHANNELS = 192, 128  # that a block adds to: twelve groups of 16 tokens, three for each of its warps


class Inputs(NamedTuple):
    """hidden [B,T,d]; bottlenecks [B,T,2m]; physical, perceptual [d,m]; coupling [B] -> y [B,T,d] of hidden's type."""

    hidden: Tensor
    bottlenecks: Tensor
    physical: Tensor
    perceptual: Tensor
    coupling: Tensor


def _prepare(given: Inputs) -> Inputs:
    bottlenecks, physical, perceptual = launch.in_type(*given[:4])
    return Inputs(given.hidden, bottlenecks, physical, perceptual, given.coupling)


def _check(given: Inputs) -> None:
    shape, middle = given.hidden.shape, given.physical.shape[-1]
    if len(shape) != 3 or 0 in shape:
        raise ValueError(f"coupler_add: hidden is {list(shape)}; expected at least one token, as [B,T,d]")
    batch, tokens, width = shape
    weights, due = (width, middle), {"bottlenecks": (batch, tokens, 2 * middle)}
    for name, wanted in {**due, "physical": weights, "perceptual": weights, "coupling": (batch,)}.items():
        tensor = getattr(given, name)
        if tuple(tensor.shape) != wanted:
            raise ValueError(f"coupler_add: {name} is {list(tensor.shape)}; beside hidden it is {list(wanted)}")


def _meaning(*parts: Tensor) -> Tensor:
    hidden, bottlenecks, physical, perceptual, coupling = parts
    weight = torch.cat([physical, perceptual], dim=1).t()
    return torch.baddbmm(hidden, bottlenecks, coupling[:, None, None].to(hidden.dtype) * weight)


def obstacle(given: Inputs, capability: int | None = None) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    width, middle = given.hidden.shape[-1], given.physical.shape[-1]
    if width % 8:
        return f"{width} channels are no multiple of 8, which the kernel reads at a time"
    if middle not in BOTTLENECKS:
        return f"a bottleneck of {middle} channels is none of {BOTTLENECKS}, which the kernel is compiled for"
    if not launch.has_rows(given.hidden):
        return "the tokens of a picture of hidden lie apart, and the kernel reads them one after another"
    tensors = {name: getattr(given, name) for name in ("hidden", "bottlenecks", "physical", "perceptual")}
    return launch.obstacle(tensors, tuple(ELEMENTS), capability, strided=("hidden",))


def call(given: Inputs, y: Tensor) -> Call:
    """What the kernel is launched with, to write ``y``."""
    hidden = given.hidden
    batch, tokens, width = hidden.shape
    (coupling,), step = launch.numbers(given.coupling)
    arguments = [*given[:4], coupling, y, tokens, width, hidden.stride(0), step]
    grid = (-(-tokens // _TOKENS), batch, -(-width // _CHANNELS))
    return Call(variant_of(launch.element_of(hidden), given.physical.shape[-1]), grid, arguments)


def _keep(ctx, inputs, output: Tensor) -> None:
    _, *kept = inputs
    ctx.save_for_backward(*kept)
    ctx.types = [part.dtype for part in inputs]


def _backward(ctx, dy: Tensor):
    bottlenecks, physical, perceptual, coupling = (part.to(dy.dtype) for part in ctx.saved_tensors)
    weight = torch.cat([physical, perceptual], dim=1)
    shares = coupling[:, None, None]
    d_weight = torch.bmm((shares * dy).transpose(1, 2), bottlenecks).sum(0)
    d_physical, d_perceptual = d_weight.chunk(2, dim=1)
    d_bottlenecks = dy @ weight
    d_coupling = (d_bottlenecks * bottlenecks).sum((1, 2))
    gradients = (dy, shares * d_bottlenecks, d_physical.contiguous(), d_perceptual.contiguous(), d_coupling)
    return tuple(part.to(kind) for part, kind in zip(gradients, ctx.types, strict=True))


coupler_add = Operator("coupler_add", Inputs, check=_check, obstacle=obstacle, call=call, prepare=_prepare)
coupler_add.register(_meaning)
expression, kernel = coupler_add.expression, coupler_add.kernel
coupler_add.register_fake(expression)
torch.library.register_autograd(coupler_add.qualified, _backward, setup_context=_keep)
