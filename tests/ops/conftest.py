"""Kernels under emulation: built once and kept, run on memory whose surroundings would show."""

import pytest
import torch

from lumaflux.ops.emulation import Emulated

GUARD = 512  # elements before and after every tensor


class Guarded:
    """Memory between guards: NaN for those who read beyond an input, a number to find untouched for results.

    ``values`` is what a kernel gets.
    """

    def __init__(self, content, dtype=None, guard=float("nan")):
        dtype = dtype or content.dtype
        self._whole = torch.full((content.numel() + 2 * GUARD,), guard, dtype=dtype)
        self.values = self._whole[GUARD:-GUARD].view(content.shape)
        self.values.copy_(content)
        self._before = self._whole.clone()

    @property
    def intact(self):
        return all(torch.equal(self._whole[ends], self._before[ends]) for ends in (slice(GUARD), slice(-GUARD, None)))


@pytest.fixture
def guarded():
    return Guarded


@pytest.fixture(scope="session")
def emulated(pytestconfig):
    """(variant, edits) -> the kernel under g++."""
    cache = pytestconfig.cache.mkdir("kernels")
    return lambda variant, edits=(): Emulated(variant, cache, edits)


@pytest.fixture
def relative_error():
    """L2 of the difference from a float64 reference, over the reference's."""
    return lambda result, reference: float((result.double() - reference).norm() / reference.norm())
