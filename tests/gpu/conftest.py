import fake_cuda
import pytest


@pytest.fixture
def cuda(pytestconfig, monkeypatch):
    """A device of fake tensors, inside which the test runs."""
    fake_cuda.load_guard(pytestconfig.cache.mkdir("fake_cuda"))
    with fake_cuda.fake_cuda(monkeypatch) as device:
        yield device
