import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color.arrays import channels, namespace, power, stack


@given(st.floats(0.1, 0.9), st.floats(-1, 2), st.floats(-1, 2))
def test_power_increases_and_is_exact_above_its_floor(exponent, a, b):
    x = np.array(sorted((a, b)))
    low, high = power(x, exponent, 1e-6)
    assert low <= high
    np.testing.assert_allclose(power(x, exponent, 1e-6)[x >= 1e-6], x[x >= 1e-6] ** exponent, rtol=1e-15)


def test_power_is_continuous_at_its_floor_and_zero_at_and_below_zero():
    below, above = power(np.array([1e-6 * (1 - 1e-12), 1e-6]), 0.4, 1e-6)
    assert above == pytest.approx(below, rel=1e-11)
    np.testing.assert_array_equal(power(np.array([-3.0, 0.0]), 0.4, 1e-6), 0)


def test_power_keeps_gradients_finite():
    x = torch.tensor([-1.0, 0.0, 1e-38, 1e-6, 1.0], requires_grad=True)
    power(x, 0.16, 1e-10).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_channels_and_stack_are_inverse(backend):
    frame = backend.asarray(np.arange(24.0).reshape(1, 3, 2, 4))
    out = stack(channels(frame))
    assert backend.same_kind(out)
    np.testing.assert_array_equal(out, frame)


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError):
        namespace([1.0, 2.0])


def test_the_room_imports_without_torch_and_without_opencolorio():
    code = (
        "import sys, pkgutil, importlib, lumaflux.color as room\n"
        "for module in pkgutil.iter_modules(room.__path__): importlib.import_module('lumaflux.color.' + module.name)\n"
        "assert not {'torch', 'PyOpenColorIO'} & set(sys.modules), 'slow import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
