"""Proof that what is frozen stayed frozen: a digest of weights, taken before and after."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes, in order of name."""
    found = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        if weight.numel():
            found.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def others(weights: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of ``weights`` that share no memory with anything in ``trained``."""
    moving = {tensor.data_ptr() for tensor in trained.values()}
    return {name: weight for name, weight in weights.items() if weight.data_ptr() not in moving}
