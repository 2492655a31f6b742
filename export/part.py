"""One part of a model as a trace takes it."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Part:
    """``dynamic``: for each input, the axes that follow the frame's size, and by how many pixels each counts.

    An axis of "n" counts image tokens.
    """

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, str]]
