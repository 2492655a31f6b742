"""``lumaflux::gated_low_rank``: PGA's update of a value projection as one operator (paper section 3.3, eq. 5).

y = value + G * (alpha * U(D x) + beta * x),   G = gate * (1 + gain * spectral), one number a token and head
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.operator import Call, Operator
from lumaflux.ops.sources import ELEMENTS, RANKS, Variant
from lumaflux.ops.sources import gated_low_rank as variant_of

try:
    from lumaflux_native import gated_low_rank as native
except ImportError:  # installed without a compiler
    native = None

_TOKENS = 64  # of a block


class Inputs(NamedTuple):
    """x, value [B,T,d]; down [r,d]; up [d,r]; alpha, beta, gain [B]; gate [B,T,h]; spectral [B,h] -> y [B,T,d],
    of value's type.

    Without ``spectral`` and ``gain`` G is the gate.
    """

    x: Tensor
    value: Tensor
    down: Tensor
    up: Tensor
    alpha: Tensor
    beta: Tensor
    gate: Tensor
    spectral: Tensor | None = None
    gain: Tensor | None = None


def _prepare(given: Inputs) -> Inputs:
    x, down, up, gate, spectral = launch.in_type(given.value, given.x, given.down, given.up, given.gate, given.spectral)
    return given._replace(x=x, down=down, up=up, gate=gate, spectral=spectral)


def _check(given: Inputs) -> None:
    x, down, gate = given.x, given.down, given.gate
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"gated_low_rank: x is {list(x.shape)}; expected at least one token, as [B,T,d]")
    batch, tokens, width = x.shape
    heads, rank = gate.shape[-1], down.shape[0]
    if heads == 0 or width % heads:
        raise ValueError(f"gated_low_rank: {heads} heads do not divide the width {width}; give gate [B,T,heads]")
    if (given.spectral is None) != (given.gain is None):
        raise ValueError("gated_low_rank: spectral and gain come together; give both or neither")
    expected = {
        "value": (batch, tokens, width),
        "down": (rank, width),
        "up": (width, rank),
        "alpha": (batch,),
        "beta": (batch,),
        "gate": (batch, tokens, heads),
        "spectral": (batch, heads),
        "gain": (batch,),
    }
    for name, shape in expected.items():
        tensor = getattr(given, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"gated_low_rank: {name} is {list(tensor.shape)}; beside x it is {list(shape)}")


def _heads(x: Tensor, gate: Tensor) -> Tensor:
    return x.unflatten(-1, (gate.shape[-1], -1))


def _factor(gate: Tensor, spectral: Tensor | None, gain: Tensor | None) -> Tensor:
    if spectral is None or gain is None:
        return gate
    return gate * (1 + gain[:, None, None] * spectral.unsqueeze(1))


def _meaning(*parts: Tensor) -> Tensor:
    given = Inputs(*parts)
    x, value, gate = given.x, given.value, given.gate
    alpha, beta, gain = launch.in_type(value, given.alpha, given.beta, given.gain)
    narrow = alpha[:, None, None] * F.linear(x, given.down)
    update = torch.baddbmm(beta[:, None, None] * x, narrow, given.up.t().expand(len(x), -1, -1))
    factor = _factor(gate, given.spectral, gain).unsqueeze(-1)
    return torch.addcmul(_heads(value, gate), _heads(update, gate), factor).flatten(-2)


def _on_cpu(*parts: Tensor) -> Tensor:
    given = Inputs(*parts)
    if native is None or any(part is not None and part.dtype != torch.float32 for part in given):
        return expression(*given)
    _check(given)
    x, gate = given.x, given.gate
    spectrum = _factor(torch.ones(len(x), 1, gate.shape[-1]), given.spectral, given.gain)
    y = torch.empty(given.value.shape)
    by_picture = [part.detach().numpy() for part in (x, given.value, gate, spectrum, y)]
    factors = given.down.detach().numpy(), given.up.detach().numpy()
    numbers = zip(given.alpha.tolist(), given.beta.tolist(), strict=True)
    for tokens, onto, gates, spectra, out, number in zip(*by_picture, numbers, strict=True):
        native(tokens, onto, *factors, *number, gates, spectra, out, torch.get_num_threads())
    return y


def obstacle(given: Inputs, capability: int | None = None) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    head, rank = given.x.shape[-1] // given.gate.shape[-1], given.down.shape[0]
    if head % 8:
        return f"heads of {head} channels are no multiple of 8, which the kernel reads at a time"
    if rank > RANKS[-1]:
        return f"rank {rank} is above {RANKS[-1]}, the largest that the kernel is compiled for"
    tensors = {name: getattr(given, name) for name in ("x", "value", "down", "up", "gate", "spectral")}
    return launch.obstacle(tensors, tuple(ELEMENTS), capability)


def padded(down: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    """Factors [r,d] and [d,r] with zeros up to the next of RANKS, so that any adapter runs in a compiled kernel."""
    rank = down.shape[0]
    missing = next(known for known in RANKS if known >= rank) - rank
    if not missing:
        return down, up
    return F.pad(down, (0, 0, 0, missing)), F.pad(up, (0, missing))


def variant_for(x: Tensor, down: Tensor) -> Variant:
    """The compiled kernel for inputs like these, whose factors are padded."""
    return variant_of(launch.element_of(x), down.shape[0])


def call(given: Inputs, y: Tensor) -> Call:
    """What the kernel is launched with, to write ``y``."""
    batch, tokens, width = given.x.shape
    down, up = padded(given.down, given.up)
    numbers, step = launch.numbers(given.alpha, given.beta, given.gain)
    sizes = [tokens, width, given.gate.shape[-1], step]
    arguments = [given.x, given.value, down, up, *numbers, given.gate, given.spectral, y, *sizes]
    return Call(variant_for(given.x, down), (-(-tokens // _TOKENS), batch, 1), arguments)


def _keep(ctx, inputs, output: Tensor) -> None:
    x, _, down, up, alpha, beta, gate, spectral, gain = inputs
    ctx.save_for_backward(x, down, up, alpha, beta, gate, spectral, gain)
    ctx.types = [None if part is None else part.dtype for part in inputs]


def _backward(ctx, dy: Tensor):
    x, down, up, alpha, beta, gate, spectral, gain = ctx.saved_tensors
    types = ctx.types
    x, down, up, gate = (part.to(dy.dtype) for part in (x, down, up, gate))
    a, b = (number.to(dy.dtype)[:, None, None] for number in (alpha, beta))
    spread = None if spectral is None else spectral.to(dy.dtype).unsqueeze(1)
    strength = None if gain is None else gain.to(dy.dtype)[:, None, None]
    factor = _factor(gate, None if spread is None else spread.squeeze(1), None if gain is None else gain.to(dy.dtype))
    narrow = F.linear(x, down)
    update = F.linear(a * narrow, up) + b * x
    by_head = _heads(dy, gate)
    d_update = (by_head * factor.unsqueeze(-1)).flatten(-2)
    d_factor = (by_head * _heads(update, gate)).sum(-1)
    d_wide = d_update @ up
    d_narrow = a * d_wide
    gradients = [
        b * d_update + d_narrow @ down,
        dy,
        torch.einsum("btr,btd->rd", d_narrow, x),
        torch.einsum("btd,btr->dr", d_update, a * narrow),
        (d_wide * narrow).sum((1, 2)),
        (d_update * x).sum((1, 2)),
    ]
    if spread is None or strength is None:
        gradients += [d_factor, None, None]
    else:
        d_spectrum = d_factor * gate
        gradients += [
            d_factor * (1 + strength * spread),
            (strength * d_spectrum).sum(1),
            (d_spectrum * spread).sum((1, 2)),
        ]
    return tuple(None if part is None else part.to(kind) for part, kind in zip(gradients, types, strict=True))


gated_low_rank = Operator("gated_low_rank", Inputs, check=_check, obstacle=obstacle, call=call, prepare=_prepare)
gated_low_rank.register(_meaning)
expression, kernel = gated_low_rank.expression, gated_low_rank.kernel
torch.library.impl(gated_low_rank.qualified, "cpu", _on_cpu)
gated_low_rank.register_fake(expression)
torch.library.register_autograd(gated_low_rank.qualified, _backward, setup_context=_keep)
