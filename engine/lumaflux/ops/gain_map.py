"""``lumaflux::gain_map``: the full-resolution end of detail transfer as one operator over pixels (cf. ISO 21496-1).

Its torch expression is the converter's (engine/lumaflux/inference/composition.py), which registers it here.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.gradient import register_gradient
from lumaflux.ops.operator import Call, Operator
from lumaflux.ops.sources import GAIN_MAP

_ROWS = 8  # that a thread walks down


class Inputs(NamedTuple):
    """Rows ``top``.. of a frame of ``height`` rows, PQ [B,3,rows,W] -> the same in the model's light, PQ.

    slope, level, structure [B,3,h,w] in stops; share [B,1,rows,W] of the structure, or None. All fp32. The gradient
    is the expression's.
    """

    base_pq: Tensor
    slope: Tensor
    level: Tensor
    structure: Tensor
    share: Tensor | None
    top: int
    height: int
    offset_nits: float
    largest_stops: float


def _check(given: Inputs) -> None:
    base_pq, slope, share = given.base_pq, given.slope, given.share
    if base_pq.ndim != 4 or base_pq.shape[1] != 3 or 0 in base_pq.shape:
        raise ValueError(f"gain_map: the picture is {list(base_pq.shape)}; expected at least one pixel, as [B,3,H,W]")
    rows, width = base_pq.shape[-2:]
    if not 0 <= given.top <= given.height - rows:
        raise ValueError(
            f"gain_map: rows {given.top} to {given.top + rows} are no part of a frame of {given.height} rows"
        )
    for name in ("slope", "level", "structure"):
        tensor = getattr(given, name)
        if tensor.ndim != 4 or tensor.shape != slope.shape or tensor.shape[:2] != base_pq.shape[:2]:
            raise ValueError(f"gain_map: {name} is {list(tensor.shape)}; one [B,3,h,w] for all three is due")
    if share is not None and tuple(share.shape) != (len(base_pq), 1, rows, width):
        raise ValueError(f"gain_map: share is {list(share.shape)}; beside the picture it is [B,1,{rows},{width}]")


def _obstacle(given: Inputs, capability: int | None = None) -> str | None:
    tensors = {name: getattr(given, name) for name in ("base_pq", "slope", "level", "structure", "share")}
    return launch.obstacle(tensors, ("float32",), capability, alignment=4)


def _call(given: Inputs, out: Tensor) -> Call:
    rows, width = given.base_pq.shape[-2:]
    sizes = [rows, width, given.top, given.height, *given.slope.shape[-2:]]
    grid = (-(-width // GAIN_MAP.threads), -(-rows // _ROWS), len(given.base_pq))
    return Call(GAIN_MAP, grid, [*given[:5], given.offset_nits, given.largest_stops, out, *sizes])


gain_map = Operator("gain_map", Inputs, check=_check, obstacle=_obstacle, call=_call)
kernel, obstacle, call = gain_map.kernel, gain_map.obstacle, gain_map.call


def register(expression: Callable[..., Tensor]) -> None:
    """Makes ``expression`` what the operator means wherever the kernel is not."""
    gain_map.register(expression)
    register_gradient(gain_map.qualified, expression)


gain_map.register_fake(lambda base_pq, *_: torch.empty_like(base_pq))
