"""A converter on each of several devices, which are given work in turn, one piece at a time on each.

Not executed on more than one card: the tests have several converters on a CPU.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

Result = TypeVar("Result")


class DevicePool:
    """A thread a converter. Work goes to them in turn."""

    def __init__(self, converters: "Sequence[Converter]"):
        self._workers = [(one, ThreadPoolExecutor(1, f"device-{index}")) for index, one in enumerate(converters)]
        self._given = 0

    def __len__(self) -> int:
        return len(self._workers)

    def submit(self, work: "Callable[[Converter], Result]") -> "Future[Result]":
        """``work`` by the converter whose turn it is."""
        converter, thread = self._workers[self._given % len(self)]
        self._given += 1
        return thread.submit(_on_its_device, converter, work)

    def close(self) -> None:
        """Drops what has not begun, and waits for the rest."""
        for _, thread in self._workers:
            thread.shutdown(cancel_futures=True)


def _on_its_device(converter: "Converter", work: "Callable[[Converter], Result]") -> Result:
    import torch

    device = converter.backend.device
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        return work(converter)
