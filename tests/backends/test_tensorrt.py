"""The TensorRT runner against a stand-in of the API: values, shapes, buffers, recorded graphs, refusals."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from tensorrt_stand_in import StandInStream, tensorrt

from lumaflux.backends import tensorrt as runner_module
from lumaflux.backends.cuda_stream import CudaStream
from lumaflux.backends.tensorrt import TensorRTRunner
from lumaflux.errors import UserError


@pytest.fixture
def runner(tmp_path):
    """Part "sum": total = a + b, twice = 2 a, of any number of rows; part "old" does not load."""
    rows = ["n", 3]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["total"]), helper.make_node("Add", ["a", "a"], ["twice"])],
        "sum",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, rows) for name in ("a", "b")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, rows) for name in ("total", "twice")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "sum.engine")
    (tmp_path / "old.engine").write_bytes(b"of another version")
    parts = {name: SimpleNamespace(engine=f"{name}.engine") for name in ("sum", "old")}
    manifest = SimpleNamespace(parts=parts)
    return TensorRTRunner(tensorrt, tmp_path, manifest, torch.device("cpu"), StandInStream())


def inputs(rows, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(rows, 3, generator=generator) for name in ("a", "b")}


def test_values_and_types(runner):
    given = inputs(4)
    made = runner("sum", {"a": given["a"].double(), "b": given["b"]})  # what the engine does not take is converted
    torch.testing.assert_close(made["total"], given["a"] + given["b"])
    torch.testing.assert_close(made["twice"], 2 * given["a"])


def test_every_set_of_shapes_is_recorded_once_and_launched_each_time(runner):
    results = [runner("sum", inputs(rows, seed)) for seed, rows in enumerate((4, 4, 5, 4))]
    assert runner._runtime.deserialized == 1
    assert len(runner._bound) == 2
    assert runner._stream.launched == 4
    for seed, rows in enumerate((4, 4, 5, 4)):  # later calls did not write into what earlier ones gave
        given = inputs(rows, seed)
        torch.testing.assert_close(results[seed]["total"], given["a"] + given["b"])


def test_the_set_of_shapes_used_longest_ago_is_dropped(runner, monkeypatch):
    monkeypatch.setattr(runner_module, "_GRAPHS", 2)
    for rows in (1, 2, 1, 3):
        runner("sum", inputs(rows))
    assert [key[1][0] for key in runner._bound] == [1, 3]


def test_the_runners_stream_waits_for_torchs_before_it_reads_and_hands_over_what_it_made(runner, monkeypatch):
    """A non-blocking stream waits for nobody by itself: it would read inputs that are still being written."""
    order, stream = [], runner._stream
    for name in ("wait", "scope", "launch", "synchronize", "hand_over"):
        own = getattr(stream, name)
        monkeypatch.setattr(stream, name, lambda *a, name=name, own=own: (order.append(name), own(*a))[1])
    runner("sum", inputs(4))
    assert order[:2] == ["wait", "scope"]
    assert order[-3:] == ["launch", "synchronize", "hand_over"]
    assert stream.handed_over == 2  # outputs


def test_a_shape_beyond_the_profile_is_refused(runner):
    with pytest.raises(UserError, match="was not built for a of shape"):
        runner("sum", inputs(65))
    assert not runner._bound


def test_an_engine_of_another_version_is_refused(runner):
    with pytest.raises(UserError, match="does not load on this device"):
        runner("old", {})


class _Runtime:
    """Of cuda.bindings.runtime, what the stream calls: every function gives (error, *results)."""

    def __init__(self):
        self.calls, self.fails = [], None
        self.values = {
            "cudaStreamNonBlocking": 1,
            "cudaError_t": SimpleNamespace(cudaSuccess=0),
            "cudaStreamCaptureMode": SimpleNamespace(cudaStreamCaptureModeThreadLocal=1),
        }

    def __getattr__(self, name):
        if name in self.values:
            return self.values[name]
        results = {"cudaStreamCreateWithFlags": (7,), "cudaStreamEndCapture": (8,), "cudaGraphInstantiate": (9,)}

        def call(*arguments):
            self.calls.append((name, *arguments))
            return (700 if name == self.fails else 0, *results.get(name, ()))

        return call


@pytest.fixture
def cuda(monkeypatch):
    runtime = _Runtime()
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", runtime)
    return runtime


def test_a_recording_begins_ends_and_is_launched(cuda):
    stream = CudaStream(torch.device("cuda:0"))
    assert stream.handle == 7
    graph = stream.record(lambda: cuda.calls.append("work"))
    stream.launch(graph)
    names = [call if isinstance(call, str) else call[0] for call in cuda.calls[1:]]
    assert names == [
        "cudaStreamBeginCapture",
        "work",
        "cudaStreamEndCapture",
        "cudaGraphInstantiate",
        "cudaGraphDestroy",
        "cudaGraphLaunch",
    ]
    assert cuda.calls[-1] == ("cudaGraphLaunch", 9, 7)


def test_streams_wait_for_one_another(cuda, monkeypatch):
    told = []
    ours = SimpleNamespace(wait_stream=lambda other: told.append(("waits for", other)))
    monkeypatch.setattr(torch.cuda, "ExternalStream", lambda handle, device: ours)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "torch's")
    stream = CudaStream(torch.device("cuda:0"))
    stream.wait()
    stream.hand_over([SimpleNamespace(record_stream=lambda other: told.append(("is used by", other)))])
    assert told == [("waits for", "torch's"), ("is used by", "torch's")]


def test_an_error_of_cuda_is_said_and_ends_the_recording(cuda):
    stream = CudaStream(torch.device("cuda:0"))
    with pytest.raises(ZeroDivisionError):
        stream.record(lambda: 1 // 0)
    assert cuda.calls[-1][0] == "cudaStreamEndCapture"
    cuda.fails = "cudaGraphLaunch"
    with pytest.raises(RuntimeError, match="cudaGraphLaunch failed: 700"):
        stream.launch(9)
