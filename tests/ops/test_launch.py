"""What the CUDA driver would be handed by a launch: a recorder stands in its place."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from lumaflux.ops import launch
from lumaflux.ops.sources import SPLINE_PQ, every_variant

bindings = pytest.importorskip("cuda.bindings")


@pytest.fixture
def driver(monkeypatch):
    calls = []

    def load(code):
        calls.append(("load", code[:4]))
        return 0, "module"

    def find(module, name):
        calls.append(("find", module, name))
        return 0, "function"

    def start(*arguments):
        calls.append(("launch", *arguments))
        return (0,)

    fake = SimpleNamespace(cuModuleLoadData=load, cuModuleGetFunction=find, cuLaunchKernel=start)
    monkeypatch.setattr(bindings, "driver", fake, raising=False)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=77))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    launch._function.cache_clear()
    yield calls
    launch._function.cache_clear()


def test_a_launch(driver):
    tensor = torch.zeros(8)
    arguments = [tensor, None, 5, 0.25]
    for _ in range(2):
        launch.run(SPLINE_PQ, (3, 2, 1), arguments, torch.device("cuda:0"))
    assert driver[:2] == [("load", b"\x7fELF"), ("find", "module", b"spline_pq")]
    assert [call[0] for call in driver] == ["load", "find", "launch", "launch"]  # compiled and loaded once
    _, function, gx, gy, gz, bx, by, bz, shared, stream, (values, kinds), extra = driver[2]
    assert (function, gx, gy, gz, bx, by, bz, shared, stream, extra) == ("function", 3, 2, 1, 128, 1, 1, 0, 77, 0)
    assert values == (tensor.data_ptr(), 0, 5, 0.25)
    assert [kind.__name__ for kind in kinds] == ["c_void_p", "c_void_p", "c_int", "c_float"]


def test_a_refusal_of_the_driver_is_said(driver, monkeypatch):
    monkeypatch.setattr(bindings.driver, "cuLaunchKernel", lambda *arguments: (701,))
    with pytest.raises(RuntimeError, match="could not launch spline_pq: 701"):
        launch.run(SPLINE_PQ, (1, 1, 1), [1], torch.device("cuda:0"))


def test_every_variant_is_told_apart():
    variants = every_variant()
    assert len(set(variants)) == len(variants)


def test_expressions_only_switches_kernels_off_and_on_again():
    tensors: dict[str, torch.Tensor | None] = {"x": torch.zeros(8, dtype=torch.float16)}
    with launch.expressions_only():
        assert launch.obstacle(tensors, capability=90) == "kernels are switched off here"
    assert launch.obstacle(tensors, capability=90) is None
