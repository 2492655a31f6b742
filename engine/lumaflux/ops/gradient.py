"""Gradients of operators whose kernel has none: those of the torch expression, computed anew in the backward pass.

Nothing but the inputs is kept for it, so that a picture costs no more memory in training than without a gradient.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def register_gradient(name: str, expression: Callable[..., Tensor]) -> None:
    """Gives the operator ``name`` the gradient of ``expression``, which takes the same arguments."""

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*(part for part in inputs if isinstance(part, Tensor)))
        ctx.others = [None if isinstance(part, Tensor) else (part,) for part in inputs]

    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        tensors = iter(ctx.saved_tensors)
        followed = []
        parts: list[Any] = []
        for other, needed in zip(ctx.others, ctx.needs_input_grad, strict=True):
            parts.append(other[0] if other is not None else next(tensors).detach().requires_grad_(needed))
            followed.append(parts[-1] if needed else None)
        with torch.enable_grad():
            result = expression(*parts)
        wanted = [part for part in followed if part is not None]
        found = iter(torch.autograd.grad(result, wanted, dy, allow_unused=True))
        return tuple(None if part is None else next(found) for part in followed)

    torch.library.register_autograd(name, backward, setup_context=keep)
