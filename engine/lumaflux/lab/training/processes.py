"""One or many processes: who draws which micro-batch, and the sum of their gradients. accelerate starts them.

An update's batch is cut into micro-batches, numbered; process r takes r, r + P, r + 2P, ... Each micro-batch has random
numbers of its own, so that two processes draw what one process with two micro-batches draws, and end in the same bits.
"""

from collections.abc import Iterable
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, reduce
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig


class Processes:
    """``device`` of this process, its ``rank``, how many there are (``count``)."""

    def __init__(self, *, cpu: bool = False):
        self._accelerator = Accelerator(cpu=cpu)
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.count: int = self._accelerator.num_processes

    @property
    def main(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def micro_batches(self, config: TrainConfig) -> tuple[range, int]:
        """The numbers of this process' micro-batches and the size of each.

        Raises UserError where the batch cannot be shared out evenly.
        """
        size = config.micro_batch or config.batch // self.count
        total = config.batch // max(size, 1)
        if size < 1 or total * size != config.batch or total % self.count:
            raise UserError(
                f"a batch of {config.batch} in micro-batches of {size} cannot be shared by {self.count} processes; "
                "choose a batch that micro_batch times the number of processes divides"
            )
        return range(self.rank, total, self.count), size

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its sum over the processes; one message for all of them."""
        if self.count == 1:
            return
        held = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in held:
            if parameter.grad is None:  # another process may have one: messages must agree in length
                parameter.grad = torch.zeros_like(parameter)
        gradients: list[Tensor] = [parameter.grad for parameter in held if parameter.grad is not None]
        flat: Any = reduce(torch.cat([gradient.flatten().float() for gradient in gradients]), "sum")
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def sum(self, values: Tensor) -> Tensor:
        """Element by element over the processes."""
        return reduce(values, "sum") if self.count > 1 else values  # pyright: ignore[reportReturnType]

    def from_main(self, values: Tensor) -> Tensor:
        """The main process' values."""
        return broadcast(values) if self.count > 1 else values  # pyright: ignore[reportReturnType]

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()
