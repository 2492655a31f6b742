"""``lumaflux::gain_map``: the full-resolution end of detail transfer as one operator over pixels (cf. ISO 21496-1).

Its torch expression is the converter's (engine/lumaflux/inference/composition.py), which registers it here.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.gradient import register_gradient
from lumaflux.ops.sources import GAIN_MAP, Variant

NAME = "lumaflux::gain_map"
torch.library.define(
    NAME,
    "(Tensor base_pq, Tensor slope, Tensor level, Tensor structure, Tensor? share, int top, int height,"
    " float offset_nits, float largest_stops) -> Tensor",
)


def gain_map(
    base_pq: Tensor,
    slope: Tensor,
    level: Tensor,
    structure: Tensor,
    share: Tensor | None,
    top: int,
    height: int,
    offset_nits: float,
    largest_stops: float,
) -> Tensor:
    """Rows ``top``.. of a frame of ``height`` rows, PQ [B,3,rows,W] -> the same in the model's light, PQ.

    slope, level, structure [B,3,h,w] in stops; share [B,1,rows,W] of the structure, or None. All fp32. The gradient
    is the expression's. Raises ValueError for shapes that do not fit together.
    """
    return torch.ops.lumaflux.gain_map(base_pq, slope, level, structure, share, top, height, offset_nits, largest_stops)


def check(
    base_pq: Tensor, slope: Tensor, level: Tensor, structure: Tensor, share: Tensor | None, top: int, height: int
) -> None:
    """Raises ValueError for shapes that do not fit together, with the first that does not."""
    if base_pq.ndim != 4 or base_pq.shape[1] != 3 or 0 in base_pq.shape:
        raise ValueError(f"gain_map: the picture is {list(base_pq.shape)}; expected at least one pixel, as [B,3,H,W]")
    rows, width = base_pq.shape[-2:]
    if not 0 <= top <= height - rows:
        raise ValueError(f"gain_map: rows {top} to {top + rows} are no part of a frame of {height} rows")
    for name, tensor in (("slope", slope), ("level", level), ("structure", structure)):
        if tensor.ndim != 4 or tensor.shape != slope.shape or tensor.shape[:2] != base_pq.shape[:2]:
            raise ValueError(f"gain_map: {name} is {list(tensor.shape)}; one [B,3,h,w] for all three is due")
    if share is not None and tuple(share.shape) != (len(base_pq), 1, rows, width):
        raise ValueError(f"gain_map: share is {list(share.shape)}; beside the picture it is [B,1,{rows},{width}]")


def obstacle(
    base_pq: Tensor,
    slope: Tensor,
    level: Tensor,
    structure: Tensor,
    share: Tensor | None,
    capability: int | None = None,
) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    tensors = {"base_pq": base_pq, "slope": slope, "level": level, "structure": structure, "share": share}
    return launch.obstacle(dict(tensors), ("float32",), capability, alignment=4)


def call(
    base_pq: Tensor,
    slope: Tensor,
    level: Tensor,
    structure: Tensor,
    share: Tensor | None,
    top: int,
    height: int,
    offset_nits: float,
    largest_stops: float,
    out: Tensor,
) -> tuple[Variant, tuple[int, int, int], list[launch.Argument]]:
    """What the kernel is launched with: on a device by ``launch.run``, in tests under emulation."""
    rows, width = base_pq.shape[-2:]
    tensors = [base_pq, slope, level, structure, share]
    sizes = [width, top, height, *slope.shape[-2:]]
    grid = (-(-width // GAIN_MAP.threads), rows, len(base_pq))
    return GAIN_MAP, grid, [*tensors, offset_nits, largest_stops, out, *sizes]


def kernel(
    base_pq: Tensor,
    slope: Tensor,
    level: Tensor,
    structure: Tensor,
    share: Tensor | None,
    top: int,
    height: int,
    offset_nits: float,
    largest_stops: float,
) -> Tensor:
    """The same by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
    if reason := obstacle(base_pq, slope, level, structure, share):
        raise ValueError(f"gain_map: {reason}")
    out = torch.empty_like(base_pq)
    maps = (base_pq, slope, level, structure, share)
    launch.run(*call(*maps, top, height, offset_nits, largest_stops, out), base_pq.device)
    return out


def register(expression: Callable[..., Tensor]) -> None:
    """Makes ``expression`` what the operator means wherever the kernel is not."""

    def elsewhere(base_pq, slope, level, structure, share, top, height, *numbers):
        check(base_pq, slope, level, structure, share, top, height)
        return expression(base_pq, slope, level, structure, share, top, height, *numbers)

    def on_cuda(base_pq, slope, level, structure, share, top, height, *numbers):
        check(base_pq, slope, level, structure, share, top, height)
        chosen = expression if obstacle(base_pq, slope, level, structure, share) else kernel
        return chosen(base_pq, slope, level, structure, share, top, height, *numbers)

    torch.library.impl(NAME, "default", elsewhere)
    torch.library.impl(NAME, "cuda", on_cuda)
    register_gradient(NAME, expression)


torch.library.register_fake(NAME, lambda base_pq, *_: torch.empty_like(base_pq))
