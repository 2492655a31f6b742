"""A network some of whose transformer blocks are kept on the host: each comes to the device before its turn.

The next block is copied on a side stream while the present one computes; pinned host memory lets the two overlap. The
pixels are those of the network that is wholly resident. On a CUDA device it has not been executed.
"""

import gc
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lumaflux.model.fp8_linear import blocks_of
from lumaflux.model.lumaflux import LumaFlux, steered


class BlockOffload:
    """Keeps ``blocks`` on the host and brings them to ``device`` in their order, one ahead. They follow each other."""

    def __init__(self, blocks: list[nn.Module], device: torch.device):
        self._blocks, self._device = blocks, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._host = [self._kept(block) for block in blocks]
        self._coming: dict[int, tuple[list[Tensor], Any]] = {}  # block -> copies, and the event of their arrival
        self.most_on_device = 0
        for index, block in enumerate(blocks):
            _fill(block, self._host[index])
            block.register_forward_pre_hook(partial(self._enter, index))
            block.register_forward_hook(partial(self._leave, index))

    def _kept(self, block: nn.Module) -> list[Tensor]:
        host = [tensor.detach().to("cpu") for _, _, tensor in _tensors(block)]
        return [tensor.pin_memory() for tensor in host] if self._stream is not None else host

    def _fetch(self, index: int) -> None:
        if index in self._coming:
            return
        if self._stream is None:
            self._coming[index] = [tensor.to(self._device, copy=True) for tensor in self._host[index]], None
        else:
            with torch.cuda.stream(self._stream):
                copies = [tensor.to(self._device, non_blocking=True) for tensor in self._host[index]]
            self._coming[index] = copies, self._stream.record_event()
        self.most_on_device = max(self.most_on_device, len(self._coming))

    def _enter(self, index: int, _module: nn.Module, _inputs: Any) -> None:
        with torch.inference_mode(False), torch.no_grad():
            self._fetch(index)
            copies, event = self._coming[index]
            if event is not None:
                present = torch.cuda.current_stream(self._device)
                present.wait_event(event)
                for copy in copies:
                    copy.record_stream(present)  # or the allocator would give its memory away while it is in use
            _fill(self._blocks[index], copies)
            self._fetch((index + 1) % len(self._blocks))  # after the last one comes the next step's first

    def _leave(self, index: int, _module: nn.Module, _inputs: Any, _outputs: Any) -> None:
        with torch.inference_mode(False), torch.no_grad():
            _fill(self._blocks[index], self._host[index])
            if len(self._blocks) > 1:
                self._coming.pop(index, None)


def _tensors(module: nn.Module) -> list[tuple[dict[str, Any], str, Tensor]]:
    """Every parameter and buffer with the dictionary that holds it, in one order."""
    found = []
    for child in module.modules():
        for held in (child._parameters, child._buffers):
            found += [(held, name, tensor) for name, tensor in held.items() if tensor is not None]
    return found


def _fill(module: nn.Module, tensors: list[Tensor]) -> None:
    for (held, name, before), tensor in zip(_tensors(module), tensors, strict=True):
        is_parameter = isinstance(before, nn.Parameter)
        held[name] = nn.Parameter(tensor, requires_grad=False) if is_parameter else tensor


class OffloadingBackend:
    """``model`` with its first ``resident`` blocks on ``device`` and the others on the host (a Backend)."""

    def __init__(self, model: LumaFlux, device: torch.device, dtype: torch.dtype, resident: int):
        self.device, self.dtype, self.config = device, dtype, model.config
        self.network = model.cast(dtype, torch.float32).eval()
        blocks = list(blocks_of(model.transformer))
        self.offload = BlockOffload(blocks[resident:], device) if resident < len(blocks) else None
        self._resident = blocks[:resident]
        away = {id(tensor) for block in blocks[resident:] for _, _, tensor in _tensors(block)}
        for held, name, tensor in _tensors(model):
            if id(tensor) not in away:
                moved = tensor.detach().to(device)
                held[name] = nn.Parameter(moved, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else moved

    def keep_fewer(self) -> bool:
        """Moves all blocks that are resident to the host; False where there are none left to move."""
        if not self._resident:
            return False
        self.network.evaluated = steered  # blocks that come and go are not compiled, nor recorded
        self.network.__dict__.pop("token_velocity", None)
        with torch.inference_mode(False), torch.no_grad():
            self.offload_resident = BlockOffload(self._resident, self.device)
        self._resident = []
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return True
