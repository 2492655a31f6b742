"""``lumaflux::film_layer_norm``: PCM's FiLM on the normalised hidden state as one operator (paper section 3.3, eq. 6).

y = h + zeta + gamma * LayerNorm(h),   [gamma, zeta] = alpha * film + beta
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.sources import ELEMENTS, FILM_CHANNELS, FILM_VECTORS, Variant
from lumaflux.ops.sources import film_layer_norm as variant_of

try:
    from lumaflux_native import film_layer_norm as native
except ImportError:  # installed without a compiler
    native = None

NAME = "lumaflux::film_layer_norm"
EPSILON = 1e-5
torch.library.define(NAME, "(Tensor hidden, Tensor film, Tensor alpha, Tensor beta) -> Tensor")


def film_layer_norm(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """hidden [B,T,d]; film [B,1,2d], gamma before zeta; alpha, beta [B] -> y [B,T,d] of hidden's type.

    Raises ValueError for shapes that do not fit together or no tokens.
    """
    (film,) = launch.in_type(hidden, film)
    if (
        torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()
    ):  # ONNX has no such operator: it is told what it means
        return expression(hidden, film, alpha, beta)
    return torch.ops.lumaflux.film_layer_norm(hidden, film, alpha, beta)


def check(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> None:
    """Raises ValueError for shapes that do not fit together, with the first that does not."""
    if hidden.ndim != 3 or 0 in hidden.shape:
        raise ValueError(f"film_layer_norm: hidden is {list(hidden.shape)}; expected at least one token, as [B,T,d]")
    batch, _, width = hidden.shape
    for name, tensor, shape in (
        ("film", film, (batch, 1, 2 * width)),
        ("alpha", alpha, (batch,)),
        ("beta", beta, (batch,)),
    ):
        if tuple(tensor.shape) != shape:
            raise ValueError(f"film_layer_norm: {name} is {list(tensor.shape)}; beside hidden it is {list(shape)}")


def expression(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """The same in torch, on any device and in any type."""
    check(hidden, film, alpha, beta)
    scale, shift = (number[:, None, None].to(film.dtype) for number in (alpha, beta))
    gamma, zeta = (scale * film + shift).chunk(2, dim=-1)
    normalised = F.layer_norm(hidden, hidden.shape[-1:], eps=EPSILON)
    return torch.addcmul(hidden + zeta, gamma, normalised)


def obstacle(hidden: Tensor, film: Tensor, capability: int | None = None) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    width = hidden.shape[-1]
    if width % 8:
        return f"{width} channels are no multiple of 8, which the kernel reads at a time"
    if width > FILM_CHANNELS * FILM_VECTORS:
        return f"{width} channels are more than the {FILM_CHANNELS * FILM_VECTORS} that a block keeps in registers"
    if not launch.has_rows(hidden):
        return "the tokens of a picture of hidden lie apart, and the kernel reads them one after another"
    return launch.obstacle({"hidden": hidden, "film": film}, tuple(ELEMENTS), capability, strided=("hidden",))


def call(
    hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor, y: Tensor
) -> tuple[Variant, tuple[int, int, int], list[launch.Argument]]:
    """What the kernel is launched with: on a device by ``launch.run``, in tests under emulation."""
    batch, tokens, width = hidden.shape
    modulation, step = launch.numbers(alpha, beta)
    arguments = [hidden, film, *modulation, y, tokens, width, hidden.stride(0), step]
    return variant_of(launch.element_of(hidden), width), (tokens, batch, 1), arguments


def kernel(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """The same by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
    if reason := obstacle(hidden, film):
        raise ValueError(f"film_layer_norm: {reason}")
    y = torch.empty(hidden.shape, dtype=hidden.dtype, device=hidden.device)
    launch.run(*call(hidden, film, alpha, beta, y), hidden.device)
    return y


def _on_cpu(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    parts = (hidden, film, alpha, beta)
    if native is None or any(part.dtype != torch.float32 for part in parts):
        return expression(*parts)
    check(*parts)
    modulation, y = alpha[:, None] * film.squeeze(1) + beta[:, None], torch.empty(hidden.shape)
    by_picture = [part.detach().numpy() for part in (hidden, *modulation.chunk(2, dim=-1), y)]
    for picture in zip(*by_picture, strict=True):
        native(*picture, torch.get_num_threads())
    return y


def _on_cuda(hidden: Tensor, film: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    check(hidden, film, alpha, beta)
    chosen = expression if obstacle(hidden, film) else kernel
    return chosen(hidden, film, alpha, beta)


def _keep(ctx, inputs, output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, dy: Tensor):
    hidden, film, alpha, beta = ctx.saved_tensors
    h, modulation = hidden.to(dy.dtype), film.to(dy.dtype)
    a, b = (number.to(dy.dtype)[:, None, None] for number in (alpha, beta))
    gamma = (a * modulation + b).chunk(2, dim=-1)[0]
    shape = list(h.shape[-1:])
    normalised, mean, scale = torch.native_layer_norm(h, shape, None, None, EPSILON)
    through_norm = torch.ops.aten.native_layer_norm_backward(
        dy * gamma, h, shape, mean, scale, None, None, [True, False, False]
    )[0]
    both = torch.cat([(dy * normalised).sum(1, keepdim=True), dy.sum(1, keepdim=True)], dim=-1)
    gradients = (dy + through_norm, a * both, (both * modulation).sum((1, 2)), both.sum((1, 2)))
    return tuple(part.to(own.dtype) for part, own in zip(gradients, (hidden, film, alpha, beta), strict=True))


torch.library.impl(NAME, "default", expression)
torch.library.impl(NAME, "cpu", _on_cpu)
torch.library.impl(NAME, "cuda", _on_cuda)
torch.library.register_fake(NAME, expression)
torch.library.register_autograd(NAME, _backward, setup_context=_keep)
