"""Reads a quantised MobileNetV2 from a TensorFlow Lite file, for the tower's weights.

``python -m lumaflux.lab.training.tflite_weights MODEL.tflite OUT.safetensors`` writes them under transformers' names.
Field numbers are those of tensorflow/lite/schema/schema.fbs. Nothing else needs the package ``flatbuffers``.
"""

import argparse
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.arguments import file_there, new_file
from lumaflux.endings import told
from lumaflux.errors import UserError

_CONV_2D, _DEPTHWISE_CONV_2D = 3, 4  # BuiltinOperator
_INT8, _INT32 = 9, 2  # TensorType
_TYPES = {_INT8: np.dtype("<i1"), _INT32: np.dtype("<i4")}


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """``weight`` [out, in/groups, kh, kw] and ``bias`` [out], float32, as the network multiplies by them."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


class _Table:
    """A table of a flatbuffer; fields by their number in the schema."""

    def __init__(self, content: bytearray, position: int):
        from flatbuffers.table import Table

        self._table = Table(content, position)

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def number(self, field: int, code: str) -> int:
        offset = self._offset(field)
        return struct.unpack_from(code, self._table.Bytes, offset + self._table.Pos)[0] if offset else 0

    def array(self, field: int, dtype: str | np.dtype) -> NDArray[Any]:
        offset, dtype = self._offset(field), np.dtype(dtype)
        if not offset:
            return np.zeros(0, dtype)
        return np.frombuffer(self._table.Bytes, dtype, self._table.VectorLen(offset), self._table.Vector(offset))

    def table(self, field: int) -> "_Table":
        return _Table(self._table.Bytes, self._table.Indirect(self._offset(field) + self._table.Pos))

    def tables(self, field: int) -> list["_Table"]:
        offset = self._offset(field)
        if not offset:
            return []
        start = self._table.Vector(offset)
        return [
            _Table(self._table.Bytes, self._table.Indirect(start + 4 * index))
            for index in range(self._table.VectorLen(offset))
        ]


def convolutions(content: bytes) -> Iterator[Convolution]:
    """The convolutions of a TensorFlow Lite model with int8 weights, in the order in which they run.

    Raises UserError for a file of another kind.
    """
    if content[4:8] != b"TFL3":
        raise UserError("the file is not a TensorFlow Lite model")
    root = _Table(bytearray(content), struct.unpack_from("<I", content)[0])
    codes = [max(code.number(0, "<b"), code.number(3, "<i")) for code in root.tables(1)]
    buffers, graph = root.tables(4), root.tables(2)[0]
    tensors = graph.tables(0)

    def values(index: int) -> NDArray[np.float32]:
        tensor = tensors[index]
        shape, scales = tensor.array(0, "<i4"), tensor.table(4).array(2, "<f4")
        axis = tensor.table(4).number(6, "<i")
        if tensor.number(1, "<b") not in _TYPES or tensor.table(4).array(3, "<i8").any():
            raise UserError("the model's weights are not symmetric 8-bit integers")
        raw = buffers[tensor.number(2, "<I")].array(0, "<u1").tobytes()
        steps = np.frombuffer(raw, _TYPES[tensor.number(1, "<b")]).reshape(shape)
        along = [len(scales) if index == axis else 1 for index in range(len(shape))]
        return steps.astype(np.float32) * scales.reshape(along)

    for operator in graph.tables(3):
        code = codes[operator.number(0, "<I")]
        if code not in (_CONV_2D, _DEPTHWISE_CONV_2D):
            continue
        _, weight, bias = (int(index) for index in operator.array(1, "<i4"))
        order = (0, 3, 1, 2) if code == _CONV_2D else (3, 0, 1, 2)  # OHWI and 1HWC
        yield Convolution(weight=np.ascontiguousarray(values(weight).transpose(order)), bias=values(bias))


def mobilenet_weights(content: bytes, tower: torch.nn.Module) -> dict[str, Tensor]:
    """State of a transformers MobileNetV2Model ``tower`` with the convolutions of a TensorFlow Lite MobileNetV2.

    There the normalisations are folded into the convolutions: here they become the biases. Raises UserError where the
    shapes differ.
    """
    state = {name: value.clone() for name, value in tower.state_dict().items()}
    names = [name.removesuffix(".convolution.weight") for name in state if name.endswith(".convolution.weight")]
    for name, found in zip(names, convolutions(content), strict=False):
        weight = torch.from_numpy(found.weight)
        if weight.shape != state[f"{name}.convolution.weight"].shape:
            raise UserError(
                f"the model's convolution '{name}' has the shape {tuple(weight.shape)}: another MobileNetV2"
            )
        norm: Any = tower.get_submodule(f"{name}.normalization")
        state[f"{name}.convolution.weight"] = weight
        state[f"{name}.normalization.running_mean"] = torch.zeros(len(weight))
        state[f"{name}.normalization.running_var"] = torch.ones(len(weight)) - norm.eps
        state[f"{name}.normalization.weight"] = torch.ones(len(weight))
        state[f"{name}.normalization.bias"] = torch.from_numpy(found.bias)
    return state


def main(arguments: Sequence[str] | None = None) -> None:
    from lumaflux.lab.training.checkpoint import write_tensors
    from lumaflux.model.frozen_shapes import MOBILENET, MOBILENET_WIDTH
    from lumaflux.model.tower import build_tower

    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.tflite_weights", description=__doc__)
    parser.add_argument("model", type=file_there, help="mobilenet_v2_1.0_224 with 8-bit weights")
    parser.add_argument("out", type=new_file)
    options = parser.parse_args(arguments)
    tower = build_tower({"architecture": MOBILENET, "hidden_size": MOBILENET_WIDTH, "image_size": 224})
    write_tensors(mobilenet_weights(options.model.read_bytes(), tower), options.out, {"source": options.model.name})


if __name__ == "__main__":
    with told("lumaflux"):
        main()
