"""What a torch expression moves: the operators that it runs and the bytes they read and write, on no device at all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(kw_only=True)
class Moved:
    bytes: int = 0
    launches: int = 0


class _Count(TorchDispatchMode):
    """Counts operators that write memory of their own; views move nothing."""

    def __init__(self):
        super().__init__()
        self.moved = Moved()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        read = [part for part in tree_leaves((args, kwargs)) if isinstance(part, Tensor)]
        made = [part for part in tree_leaves(result) if isinstance(part, Tensor)]
        held = {part.untyped_storage()._cdata for part in read}
        written = [part for part in made if part.untyped_storage()._cdata not in held or func._schema.is_mutable]
        if written:
            self.moved.launches += 1
            self.moved.bytes += sum(map(_bytes, read)) + sum(map(_bytes, written))
        return result


def _bytes(tensor: Tensor) -> int:
    different = 1  # elements: an expanded dimension repeats what it has
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        different *= size if stride else 1
    return different * tensor.element_size()


def moved(expression: Callable[..., Any], *inputs: Any) -> Moved:
    """Runs ``expression`` on tensors of the ``meta`` device; other inputs are passed on."""
    with torch.no_grad(), _Count() as count:
        expression(*inputs)
    return count.moved
