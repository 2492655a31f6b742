"""A velocity as a CUDA graph: recorded once for each size, then replayed, so that no kernel waits for its launch.

What goes in is copied to the places that were recorded, what comes out is copied from there. It has not been executed
on a CUDA device.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.lumaflux import LumaFlux

_MOST_GRAPHS = 4  # sizes: each graph holds the memory of a velocity
_WARM_UPS = 2  # evaluations before one is recorded, in which libraries allocate what they keep

Work = Callable[[], Tensor]
Capture = Callable[[Work], tuple[Callable[[], Any], Tensor]]


def check_graphs(device: torch.device) -> None:
    """Raises UserError for a device that has no CUDA graphs."""
    if device.type != "cuda":
        raise UserError(f"CUDA graphs need a CUDA device, and {device} is none; leave --cuda-graphs out")


def record(work: Work) -> tuple[Callable[[], Any], Tensor]:
    """``work`` as a graph: what replays it, and where its result lies."""
    present, side = torch.cuda.current_stream(), torch.cuda.Stream()
    side.wait_stream(present)
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            work()
    present.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph.replay, result


class GraphedVelocity:
    """In the place of LumaFlux.token_velocity. ``capture``: as ``record``."""

    def __init__(self, velocity: Callable[..., Tensor], capture: Capture = record):
        self._velocity, self._capture = velocity, capture
        self._graphs: OrderedDict[Any, tuple[list[Tensor], Callable[[], Any], Tensor]] = OrderedDict()

    def __call__(
        self, tokens: Tensor, t: Tensor, conditions: Any, psi: Tensor, cache: FirstBlockCache | None = None
    ) -> Tensor:
        if cache is not None:
            raise UserError("a CUDA graph evaluates every block; leave --block-reuse or --cuda-graphs out")
        asked = (tokens, t, conditions, psi)
        given = list(tensors_of(asked))
        key = tuple((tensor.shape, tensor.dtype) for tensor in given)
        if key not in self._graphs:
            self._graphs[key] = self._recorded(asked, given)
            if len(self._graphs) > _MOST_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        places, replay, result = self._graphs[key]
        for place, tensor in zip(places, given, strict=True):
            place.copy_(tensor)
        replay()
        return result.clone()

    def _recorded(self, asked: Any, given: list[Tensor]) -> tuple[list[Tensor], Callable[[], Any], Tensor]:
        places = [tensor.clone(memory_format=torch.contiguous_format) for tensor in given]
        fixed = with_tensors(asked, iter(places))
        return places, *self._capture(lambda: self._velocity(*fixed))


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Every tensor of nested tuples and dataclasses, in one order."""
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value):
        for member in fields(value):
            yield from tensors_of(getattr(value, member.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from tensors_of(part)


def with_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same with ``tensors`` in the places of those that ``tensors_of`` gives."""
    if isinstance(value, Tensor):
        return next(tensors)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{m.name: with_tensors(getattr(value, m.name), tensors) for m in fields(value)})
    if isinstance(value, tuple):
        return tuple(with_tensors(part, tensors) for part in value)
    return value


def record_velocity(model: LumaFlux, capture: Capture = record) -> None:
    """Makes ``model`` replay its velocities."""
    model.token_velocity = GraphedVelocity(model.token_velocity, capture)
