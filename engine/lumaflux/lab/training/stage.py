"""What the loop asks of a stage of training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor, nn

Losses = Mapping[str, Tensor]  # "total" is minimised, the others are reported


class Stage(Protocol):
    """What differs between stages: parameters, loss, validation, and what is left behind."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that trains, by name."""
        ...

    def frozen(self) -> dict[str, Tensor]:
        """Everything that must not move, by name."""
        ...

    def losses(self, step: int, count: int, generator: torch.Generator) -> Losses:
        """The losses of one micro-batch of ``count``, drawn with ``generator`` alone."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on validation scenes with the averaged weights in place."""
        ...

    def pictures(self) -> dict[str, Image.Image]:
        """What a person looks at, with the averaged weights in place; may be empty."""
        ...

    def finish(self, out: Path) -> None:
        """Writes the stage's result with the averaged weights in place."""
        ...
