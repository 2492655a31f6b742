"""``lumaflux::gated_low_rank``: PGA's update of a value projection as one operator (paper section 3.3, eq. 5).

y = value + G * (alpha * U(D x) + beta * x),   G = gate * (1 + gain * spectral), one number a token and head
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.sources import ELEMENTS, RANKS, Variant
from lumaflux.ops.sources import gated_low_rank as variant_of

try:
    from lumaflux_native import gated_low_rank as native
except ImportError:  # installed without a compiler
    native = None

NAME = "lumaflux::gated_low_rank"
_TOKENS = 64  # of a block
torch.library.define(
    NAME,
    "(Tensor x, Tensor value, Tensor down, Tensor up, Tensor alpha, Tensor beta, Tensor gate,"
    " Tensor? spectral=None, Tensor? gain=None) -> Tensor",
)


def gated_low_rank(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    """x, value [B,T,d]; down [r,d]; up [d,r]; alpha, beta, gain [B]; gate [B,T,h]; spectral [B,h] -> y [B,T,d],
    of value's type.

    Without ``spectral`` and ``gain`` G is the gate. Raises ValueError for shapes that do not fit together or no tokens.
    """
    x, down, up, gate, spectral = launch.in_type(value, x, down, up, gate, spectral)
    if (
        torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()
    ):  # ONNX has no such operator: it is told what it means
        return expression(x, value, down, up, alpha, beta, gate, spectral, gain)
    return torch.ops.lumaflux.gated_low_rank(x, value, down, up, alpha, beta, gate, spectral, gain)


def check(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None,
    gain: Tensor | None,
) -> None:
    """Raises ValueError for shapes that do not fit together, with the first that does not."""
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"gated_low_rank: x is {list(x.shape)}; expected at least one token, as [B,T,d]")
    batch, tokens, width = x.shape
    heads = gate.shape[-1]
    if heads == 0 or width % heads:
        raise ValueError(f"gated_low_rank: {heads} heads do not divide the width {width}; give gate [B,T,heads]")
    rank = down.shape[0]
    expected = {
        "value": (value, (batch, tokens, width)),
        "down": (down, (rank, width)),
        "up": (up, (width, rank)),
        "alpha": (alpha, (batch,)),
        "beta": (beta, (batch,)),
        "gate": (gate, (batch, tokens, heads)),
    }
    if (spectral is None) != (gain is None):
        raise ValueError("gated_low_rank: spectral and gain come together; give both or neither")
    if spectral is not None and gain is not None:
        expected |= {"spectral": (spectral, (batch, heads)), "gain": (gain, (batch,))}
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"gated_low_rank: {name} is {list(tensor.shape)}; beside x it is {list(shape)}")


def _heads(x: Tensor, gate: Tensor) -> Tensor:
    return x.unflatten(-1, (gate.shape[-1], -1))


def _factor(gate: Tensor, spectral: Tensor | None, gain: Tensor | None) -> Tensor:
    if spectral is None or gain is None:
        return gate
    return gate * (1 + gain[:, None, None] * spectral.unsqueeze(1))


def expression(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    """The update in torch, on any device and in any type."""
    check(x, value, down, up, alpha, beta, gate, spectral, gain)
    alpha, beta, gain = launch.in_type(value, alpha, beta, gain)
    narrow = alpha[:, None, None] * F.linear(x, down)
    update = torch.baddbmm(beta[:, None, None] * x, narrow, up.t().expand(len(x), -1, -1))
    factor = _factor(gate, spectral, gain).unsqueeze(-1)
    return torch.addcmul(_heads(value, gate), _heads(update, gate), factor).flatten(-2)


torch.library.impl(NAME, "default", expression)
torch.library.register_fake(NAME, expression)


def _on_cpu(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    parts = (x, value, down, up, alpha, beta, gate, spectral, gain)
    if native is None or any(part is not None and part.dtype != torch.float32 for part in parts):
        return expression(*parts)
    check(*parts)
    spectrum, y = _factor(torch.ones(len(x), 1, gate.shape[-1]), spectral, gain), torch.empty(value.shape)
    by_picture = [part.detach().numpy() for part in (x, value, gate, spectrum, y)]
    factors = down.detach().numpy(), up.detach().numpy()
    numbers = zip(alpha.tolist(), beta.tolist(), strict=True)
    for tokens, onto, gates, spectra, out, number in zip(*by_picture, numbers, strict=True):
        native(tokens, onto, *factors, *number, gates, spectra, out, torch.get_num_threads())
    return y


torch.library.impl(NAME, "cpu", _on_cpu)


def obstacle(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    capability: int | None = None,
) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    head, rank = x.shape[-1] // gate.shape[-1], down.shape[0]
    if head % 8:
        return f"heads of {head} channels are no multiple of 8, which the kernel reads at a time"
    if rank > RANKS[-1]:
        return f"rank {rank} is above {RANKS[-1]}, the largest that the kernel is compiled for"
    tensors = {"x": x, "value": value, "down": down, "up": up, "gate": gate, "spectral": spectral}
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


def _on_cuda(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    check(x, value, down, up, alpha, beta, gate, spectral, gain)
    if obstacle(x, value, down, up, gate, spectral):
        return expression(x, value, down, up, alpha, beta, gate, spectral, gain)
    return kernel(x, value, down, up, alpha, beta, gate, spectral, gain)


torch.library.impl(NAME, "cuda", _on_cuda)


def kernel(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    """The update by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
    if reason := obstacle(x, value, down, up, gate, spectral):
        raise ValueError(f"gated_low_rank: {reason}")
    y = torch.empty(value.shape, dtype=value.dtype, device=value.device)
    variant, grid, arguments = call(x, value, down, up, alpha, beta, gate, spectral, gain, y)
    launch.run(variant, grid, arguments, x.device)
    return y


def call(
    x: Tensor,
    value: Tensor,
    down: Tensor,
    up: Tensor,
    alpha: Tensor,
    beta: Tensor,
    gate: Tensor,
    spectral: Tensor | None,
    gain: Tensor | None,
    y: Tensor,
) -> tuple[Variant, tuple[int, int, int], list[launch.Argument]]:
    """What the kernel is launched with: on a device by ``launch.run``, in tests under emulation."""
    batch, tokens, width = x.shape
    down, up = padded(down, up)
    numbers, step = launch.numbers(alpha, beta, gain)
    arguments = [x, value, down, up, *numbers, gate, spectral, y, tokens, width, gate.shape[-1], step]
    return variant_for(x, down), (-(-tokens // _TOKENS), batch, 1), arguments


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


torch.library.register_autograd(NAME, _backward, setup_context=_keep)
