"""``lumaflux::coupler_add``: the HDR residual coupler with its residual as one operator (paper section 3.3, eq. 7).

y = z + coupling * (bottlenecks [physical, perceptual]^T)
"""

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.sources import BOTTLENECKS, ELEMENTS, Variant
from lumaflux.ops.sources import coupler_add as variant_of

NAME = "lumaflux::coupler_add"
_TOKENS, _PART = 64, 768  # tokens and channels that a block adds to
torch.library.define(
    NAME, "(Tensor hidden, Tensor bottlenecks, Tensor physical, Tensor perceptual, Tensor coupling) -> Tensor"
)


def coupler_add(hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor) -> Tensor:
    """hidden [B,T,d]; bottlenecks [B,T,2m]; physical, perceptual [d,m]; coupling [B] -> y [B,T,d] of hidden's type.

    Raises ValueError for shapes that do not fit together or no tokens.
    """
    bottlenecks, physical, perceptual = launch.in_type(hidden, bottlenecks, physical, perceptual)
    if (
        torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()
    ):  # ONNX has no such operator: it is told what it means
        return expression(hidden, bottlenecks, physical, perceptual, coupling)
    return torch.ops.lumaflux.coupler_add(hidden, bottlenecks, physical, perceptual, coupling)


def check(hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor) -> None:
    """Raises ValueError for shapes that do not fit together, with the first that does not."""
    if hidden.ndim != 3 or 0 in hidden.shape:
        raise ValueError(f"coupler_add: hidden is {list(hidden.shape)}; expected at least one token, as [B,T,d]")
    batch, tokens, width = hidden.shape
    middle = physical.shape[-1]
    for name, tensor, shape in (
        ("bottlenecks", bottlenecks, (batch, tokens, 2 * middle)),
        ("physical", physical, (width, middle)),
        ("perceptual", perceptual, (width, middle)),
        ("coupling", coupling, (batch,)),
    ):
        if tuple(tensor.shape) != shape:
            raise ValueError(f"coupler_add: {name} is {list(tensor.shape)}; beside hidden it is {list(shape)}")


def expression(hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor) -> Tensor:
    """The same in torch, on any device and in any type."""
    check(hidden, bottlenecks, physical, perceptual, coupling)
    weight = torch.cat([physical, perceptual], dim=1).t()
    return torch.baddbmm(hidden, bottlenecks, coupling[:, None, None].to(hidden.dtype) * weight)


def obstacle(
    hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, capability: int | None = None
) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    width, middle = hidden.shape[-1], physical.shape[-1]
    if width % 8:
        return f"{width} channels are no multiple of 8, which the kernel reads at a time"
    if middle not in BOTTLENECKS:
        return f"a bottleneck of {middle} channels is none of {BOTTLENECKS}, which the kernel is compiled for"
    if not launch.has_rows(hidden):
        return "the tokens of a picture of hidden lie apart, and the kernel reads them one after another"
    tensors = {"hidden": hidden, "bottlenecks": bottlenecks, "physical": physical, "perceptual": perceptual}
    return launch.obstacle(dict(tensors), tuple(ELEMENTS), capability, strided=("hidden",))


def call(
    hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor, y: Tensor
) -> tuple[Variant, tuple[int, int, int], list[launch.Argument]]:
    """What the kernel is launched with: on a device by ``launch.run``, in tests under emulation."""
    batch, tokens, width = hidden.shape
    (weight,), step = launch.numbers(coupling)
    arguments = [hidden, bottlenecks, physical, perceptual, weight, y, tokens, width, hidden.stride(0), step]
    grid = (-(-tokens // _TOKENS), batch, -(-width // _PART))
    return variant_of(launch.element_of(hidden), physical.shape[-1]), grid, arguments


def kernel(hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor) -> Tensor:
    """The same by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
    if reason := obstacle(hidden, bottlenecks, physical, perceptual):
        raise ValueError(f"coupler_add: {reason}")
    y = torch.empty(hidden.shape, dtype=hidden.dtype, device=hidden.device)
    launch.run(*call(hidden, bottlenecks, physical, perceptual, coupling, y), hidden.device)
    return y


def _on_cuda(hidden: Tensor, bottlenecks: Tensor, physical: Tensor, perceptual: Tensor, coupling: Tensor) -> Tensor:
    check(hidden, bottlenecks, physical, perceptual, coupling)
    chosen = expression if obstacle(hidden, bottlenecks, physical, perceptual) else kernel
    return chosen(hidden, bottlenecks, physical, perceptual, coupling)


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


torch.library.impl(NAME, "default", expression)
torch.library.impl(NAME, "cuda", _on_cuda)
torch.library.register_fake(NAME, expression)
torch.library.register_autograd(NAME, _backward, setup_context=_keep)
