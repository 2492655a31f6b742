"""Proof that what is frozen stayed frozen: a digest of weights, taken before and after."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

_AT_ONCE = 1 << 24  # numbers whose sums are taken at a time
_PRIME = 1_000_003  # places repeat their weight after so many


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over names, types, shapes and two sums of the bits, in order of name.

    The sums are taken where the weights lie, in whole numbers modulo 2^64: one of all bits, one weighted by place. Any
    single number that changes changes both, and 24 GB need not leave the device.
    """
    names, sums = [], []
    for name, weight in sorted(weights.items()):
        names.append(f"{name} {weight.dtype} {tuple(weight.shape)}")
        sums.append(_sums(weight.detach()))
    found = hashlib.sha256("\n".join(names).encode())
    if sums:
        devices = {part.device for part in sums}
        gathered = [
            torch.stack([part for part in sums if part.device == device]) for device in sorted(devices, key=str)
        ]
        for part in gathered:
            found.update(part.cpu().numpy().tobytes())
    return found.hexdigest()


def _sums(weight: Tensor) -> Tensor:
    bits = weight.contiguous().flatten()
    if bits.dtype == torch.bool or bits.is_complex():
        bits = bits.to(torch.uint8) if bits.dtype == torch.bool else torch.view_as_real(bits).flatten()
    if bits.is_floating_point():
        bits = bits.view({1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[bits.element_size()])
    sums = torch.zeros(2, dtype=torch.int64, device=weight.device)
    for begin in range(0, len(bits), _AT_ONCE):
        part = bits[begin : begin + _AT_ONCE].long()
        place = torch.arange(begin, begin + len(part), device=part.device) % _PRIME + 1
        sums += torch.stack([part.sum(), (part * place).sum()])
    return sums


def others(weights: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of ``weights`` that share no memory with anything in ``trained``."""
    moving = {tensor.data_ptr() for tensor in trained.values()}
    return {name: weight for name, weight in weights.items() if weight.data_ptr() not in moving}
