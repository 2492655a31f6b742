"""``lumaflux::film_layer_norm``: PCM's FiLM on the normalised hidden state as one operator (paper section 3.3, eq. 6).

y = h + zeta + gamma * LayerNorm(h),   [gamma, zeta] = alpha * film + beta
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.operator import Call, Operator
from lumaflux.ops.sources import ELEMENTS, FILM_CHANNELS, FILM_VECTORS
from lumaflux.ops.sources import film_layer_norm as variant_of

try:
    from lumaflux_native import film_layer_norm as native
except ImportError:  # installed without a compiler
    native = None

EPSILON = 1e-5


class Inputs(NamedTuple):
    """hidden [B,T,d]; film [B,1,2d], gamma before zeta; alpha, beta [B] -> y [B,T,d] of hidden's type."""

    hidden: Tensor
    film: Tensor
    alpha: Tensor
    beta: Tensor


def _prepare(given: Inputs) -> Inputs:
    (film,) = launch.in_type(given.hidden, given.film)
    return given._replace(film=film)


def _check(given: Inputs) -> None:
    shape = given.hidden.shape
    if len(shape) != 3 or 0 in shape:
        raise ValueError(f"film_layer_norm: hidden is {list(shape)}; expected at least one token, as [B,T,d]")
    batch, _, width = shape
    for name, due in {"film": (batch, 1, 2 * width), "alpha": (batch,), "beta": (batch,)}.items():
        tensor = getattr(given, name)
        if tuple(tensor.shape) != due:
            raise ValueError(f"film_layer_norm: {name} is {list(tensor.shape)}; beside hidden it is {list(due)}")


def _meaning(*parts: Tensor) -> Tensor:
    hidden, film, alpha, beta = parts
    scale, shift = (number[:, None, None].to(film.dtype) for number in (alpha, beta))
    gamma, zeta = (scale * film + shift).chunk(2, dim=-1)
    normalised = F.layer_norm(hidden, hidden.shape[-1:], eps=EPSILON)
    return torch.addcmul(hidden + zeta, gamma, normalised)


def _on_cpu(*parts: Tensor) -> Tensor:
    hidden, film, alpha, beta = given = Inputs(*parts)
    if native is None or any(part.dtype != torch.float32 for part in given):
        return expression(*given)
    _check(given)
    modulation, y = alpha[:, None] * film.squeeze(1) + beta[:, None], torch.empty(hidden.shape)
    by_picture = [part.detach().numpy() for part in (hidden, *modulation.chunk(2, dim=-1), y)]
    for picture in zip(*by_picture, strict=True):
        native(*picture, torch.get_num_threads())
    return y


def obstacle(given: Inputs, capability: int | None = None) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    width = given.hidden.shape[-1]
    if width % 8:
        return f"{width} channels are no multiple of 8, which the kernel reads at a time"
    if width > FILM_CHANNELS * FILM_VECTORS:
        return f"{width} channels are more than the {FILM_CHANNELS * FILM_VECTORS} that a block keeps in registers"
    if not launch.has_rows(given.hidden):
        return "the tokens of a picture of hidden lie apart, and the kernel reads them one after another"
    tensors: dict[str, Tensor | None] = {"hidden": given.hidden, "film": given.film}
    return launch.obstacle(tensors, tuple(ELEMENTS), capability, strided=("hidden",))


def call(given: Inputs, y: Tensor) -> Call:
    """What the kernel is launched with, to write ``y``."""
    hidden = given.hidden
    batch, tokens, width = hidden.shape
    modulation, step = launch.numbers(given.alpha, given.beta)
    arguments = [hidden, given.film, *modulation, y, tokens, width, hidden.stride(0), step]
    return Call(variant_of(launch.element_of(hidden), width), (tokens, batch, 1), arguments)


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


film_layer_norm = Operator("film_layer_norm", Inputs, check=_check, obstacle=obstacle, call=call, prepare=_prepare)
film_layer_norm.register(_meaning)
expression, kernel = film_layer_norm.expression, film_layer_norm.kernel
torch.library.impl(film_layer_norm.qualified, "cpu", _on_cpu)
film_layer_norm.register_fake(expression)
torch.library.register_autograd(film_layer_norm.qualified, _backward, setup_context=_keep)
