"""What every operator with a kernel has: its signature once, a check, the kernel's launch, and what it means in torch.

``Inputs``, a NamedTuple, is the signature: torch's schema follows from it, and every part takes it as one.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, get_type_hints

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.sources import Variant
from lumaflux.torch_import import quick_source_lines

Given = ParamSpec("Given")
Inputs = TypeVar("Inputs", bound=tuple)
_TYPES = {Tensor: "Tensor", Tensor | None: "Tensor?", int: "int", float: "float"}


class Call(NamedTuple):
    """A launch: on a device by ``launch.run``, in tests under emulation."""

    variant: Variant
    grid: tuple[int, int, int]
    arguments: list[launch.Argument]


def schema_of(inputs: type) -> str:
    """torch's schema of an operator with these arguments and one tensor as its result."""
    defaults = getattr(inputs, "_field_defaults", {})
    arguments = [
        f"{_TYPES[kind]} {name}{'=None' if name in defaults else ''}" for name, kind in get_type_hints(inputs).items()
    ]
    return f"({', '.join(arguments)}) -> Tensor"


class Operator(Generic[Given, Inputs]):
    """``lumaflux::name``. Called, it is torch's operator: the kernel where that can take the tensors, the expression
    elsewhere.

    ``check`` raises ValueError for shapes that do not fit together; ``obstacle`` says why the kernel cannot take the
    tensors, for a device of ``capability`` or their own; ``call`` is the launch that writes to a tensor. ``prepare``
    comes before everything. An operator with ``prepare`` has no ONNX form: export is told what it means.
    """

    def __init__(
        self,
        name: str,
        inputs: Callable[Given, Inputs],
        *,
        check: Callable[[Inputs], None],
        obstacle: Callable[[Inputs, int | None], str | None],
        call: Callable[[Inputs, Tensor], Call],
        prepare: Callable[[Inputs], Inputs] | None = None,
    ):
        self.name = name
        self.inputs: Callable[..., Inputs] = inputs
        self.check, self.obstacle, self.call, self.prepare = check, obstacle, call, prepare
        self._meaning: Callable[..., Tensor] | None = None
        assert isinstance(inputs, type)
        torch.library.define(self.qualified, schema_of(inputs))
        self.operator: Any = getattr(torch.ops.lumaflux, name)

    @property
    def qualified(self) -> str:
        return f"lumaflux::{self.name}"

    def __call__(self, *given: Given.args, **named: Given.kwargs) -> Tensor:
        if self.prepare is None:
            return self.operator(*given, **named)
        inputs = self.prepare(self.inputs(*given, **named))
        if torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export():
            return self._expression(*inputs)
        return self.operator(*inputs)

    def expression(self, *given: Given.args, **named: Given.kwargs) -> Tensor:
        """The same in torch, on any device and in any type."""
        return self._expression(*self.inputs(*given, **named))

    def _expression(self, *given: Any) -> Tensor:
        assert self._meaning is not None, f"{self.name} has no expression yet"
        self.check(self.inputs(*given))
        return self._meaning(*given)

    def kernel(self, *given: Given.args, **named: Given.kwargs) -> Tensor:
        """The same by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
        return self._launched(self.inputs(*given, **named))

    def _launched(self, inputs: Inputs) -> Tensor:
        if reason := self.obstacle(inputs, None):
            raise ValueError(f"{self.name}: {reason}")
        like = inputs[0]
        out = torch.empty(like.shape, dtype=like.dtype, device=like.device)
        launch.run(*self.call(inputs, out), like.device)
        return out

    def register(self, expression: Callable[..., Tensor]) -> None:
        """Makes ``expression`` what the operator means wherever the kernel is not. It takes the arguments in turn."""
        self._meaning = expression

        def on_cuda(*given: Any) -> Tensor:
            inputs = self.inputs(*given)
            self.check(inputs)
            return expression(*given) if self.obstacle(inputs, None) else self._launched(inputs)

        torch.library.impl(self.qualified, "default", self._expression)
        torch.library.impl(self.qualified, "cuda", on_cuda)

    def register_fake(self, fake: Callable[..., Tensor]) -> None:
        """``fake`` gives a tensor of the result's shape and type, for compilers and exporters. It takes the arguments
        in turn."""
        with quick_source_lines():
            torch.library.register_fake(self.qualified, fake)
