"""A stand-in of what lumaflux.backends.tensorrt calls, written from NVIDIA's documentation of the TensorRT Python API
(Runtime.deserialize_cuda_engine, ICudaEngine.num_io_tensors / get_tensor_name / get_tensor_mode / get_tensor_dtype /
create_execution_context, IExecutionContext.set_input_shape / set_tensor_address / get_tensor_shape /
execute_async_v3) and of the CUDA runtime (stream capture: launches are noted, not executed).

An "engine" is the part's ONNX file; it is computed by onnxruntime on the memory whose addresses were bound.
"""

import ctypes
from contextlib import nullcontext
from enum import Enum
from types import SimpleNamespace

import numpy as np
import onnxruntime


class TensorIOMode(Enum):
    NONE, INPUT, OUTPUT = range(3)


class DataType(Enum):
    FLOAT, HALF, INT64 = range(3)


class Logger:
    WARNING = 2

    def __init__(self, severity):
        assert severity == self.WARNING


_TYPES = {
    "tensor(float)": (DataType.FLOAT, np.float32),
    "tensor(float16)": (DataType.HALF, np.float16),
    "tensor(int64)": (DataType.INT64, np.int64),
}


class Runtime:
    def __init__(self, logger):
        assert isinstance(logger, Logger)
        self.deserialized = 0

    def deserialize_cuda_engine(self, serialized):
        assert isinstance(serialized, bytes)
        if serialized == b"of another version":
            return None
        self.deserialized += 1
        return Engine(serialized)


class Engine:
    def __init__(self, serialized):
        self.session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
        self.entries = {entry.name: entry for entry in (*self.session.get_inputs(), *self.session.get_outputs())}
        self.reads = [entry.name for entry in self.session.get_inputs()]

    @property
    def num_io_tensors(self):
        return len(self.entries)

    def get_tensor_name(self, index):
        return list(self.entries)[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name in self.reads else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name):
        return _TYPES[self.entries[name].type][0]

    def create_execution_context(self):
        return Context(self)


class Context:
    """``largest``: rows that the engine's profile allows."""

    largest = 64

    def __init__(self, engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name, shape):
        assert name in self.engine.reads
        assert isinstance(shape, tuple)
        self.shapes[name] = shape
        return shape[0] <= self.largest

    def get_tensor_shape(self, name):
        assert set(self.shapes) == set(self.engine.reads), "shapes of outputs are known when those of inputs are"
        rows = self.shapes[self.engine.reads[0]][0]
        return tuple(rows if not isinstance(side, int) else side for side in self.engine.entries[name].shape)

    def set_tensor_address(self, name, address):
        assert address
        self.addresses[name] = address

    def execute_async_v3(self, stream):
        assert set(self.addresses) == set(self.engine.entries)
        STREAMS[stream].queue(self._execute)
        return True

    def _execute(self):
        feeds = {name: self._memory(name, self.shapes[name]).copy() for name in self.engine.reads}
        for entry, value in zip(self.engine.session.get_outputs(), self.engine.session.run(None, feeds), strict=True):
            self._memory(entry.name, value.shape)[...] = value

    def _memory(self, name, shape):
        kind = np.dtype(_TYPES[self.engine.entries[name].type][1])
        size = int(np.prod(shape)) * kind.itemsize
        raw = (ctypes.c_char * size).from_address(self.addresses[name])
        return np.frombuffer(raw, kind).reshape(shape)


STREAMS: dict[int, "StandInStream"] = {}


class StandInStream:
    """As lumaflux.backends.cuda_stream.CudaStream: work is done at once, or noted while it is recorded."""

    def __init__(self):
        self.handle = len(STREAMS) + 1
        STREAMS[self.handle] = self
        self.noted, self.launched = None, 0
        self.waited, self.handed_over = None, 0

    def scope(self):
        return nullcontext()

    def wait(self):
        self.waited = self.launched

    def hand_over(self, tensors):
        self.handed_over += len(list(tensors))

    def queue(self, work):
        if self.noted is not None:
            self.noted.append(work)
        else:
            work()

    def record(self, work):
        self.noted = []
        work()
        graph, self.noted = self.noted, None
        return graph

    def launch(self, graph):
        self.launched += 1
        for work in graph:
            work()

    def synchronize(self):
        assert self.noted is None, "a stream that is recorded cannot be waited for"


tensorrt = SimpleNamespace(
    Logger=Logger, Runtime=Runtime, TensorIOMode=TensorIOMode, DataType=DataType, __version__="0 (stand-in)"
)
