"""A TensorFlow Lite file, written here with the package that others read it by, gives its convolutions back."""

import flatbuffers
import numpy as np
import pytest
import torch
from torch import nn

from lumaflux.errors import UserError
from lumaflux.lab.training.tflite_weights import convolutions, mobilenet_weights


def _vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _table(builder: flatbuffers.Builder, fields: dict[int, tuple[str, int]], count: int) -> int:
    builder.StartObject(count)
    for slot, (kind, value) in fields.items():
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        elif kind == "byte":
            builder.PrependInt8Slot(slot, value, 0)
        else:
            builder.PrependInt32Slot(slot, value, 0)
    return builder.EndObject()


def _model(layers: list[tuple[int, np.ndarray, np.ndarray, int]], zero_point: int = 0) -> bytes:
    """``layers``: operator code, int8 weights as the file holds them, scales, the axis of these."""
    builder = flatbuffers.Builder(1 << 16)
    buffers, tensors, operators = [], [], []

    def tensor(values: np.ndarray, scales: np.ndarray, axis: int) -> int:
        data = builder.CreateNumpyVector(np.frombuffer(values.tobytes(), np.uint8))
        buffers.append(_table(builder, {0: ("offset", data)}, 1))
        shape = builder.CreateNumpyVector(np.array(values.shape, np.int32))
        points = builder.CreateNumpyVector(np.full(len(scales), zero_point, np.int64))
        steps = builder.CreateNumpyVector(scales.astype(np.float32))
        quantised = _table(builder, {2: ("offset", steps), 3: ("offset", points), 6: ("int", axis)}, 7)
        kind = 9 if values.dtype == np.int8 else 2
        fields = {0: ("offset", shape), 1: ("byte", kind), 2: ("int", len(buffers) - 1), 4: ("offset", quantised)}
        tensors.append(_table(builder, fields, 5))
        return len(tensors) - 1

    for code, weight, scales, axis in layers:
        first, second = tensor(weight, scales, axis), tensor(np.arange(len(scales), dtype=np.int32), scales, 0)
        inputs = builder.CreateNumpyVector(np.array([0, first, second], np.int32))
        operators.append(_table(builder, {0: ("int", 0 if code == 3 else 1), 1: ("offset", inputs)}, 3))
    codes = [_table(builder, {0: ("byte", code), 3: ("int", code)}, 4) for code in (3, 4)]
    graph = _table(builder, {0: ("offset", _vector(builder, tensors)), 3: ("offset", _vector(builder, operators))}, 4)
    fields = {1: _vector(builder, codes), 2: _vector(builder, [graph]), 4: _vector(builder, buffers)}
    root = _table(builder, {slot: ("offset", value) for slot, value in fields.items()}, 5)
    builder.Finish(root, file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_weights_come_out_in_steps_of_their_channel():
    rng = np.random.default_rng(0)
    plain = rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8)  # OHWI
    depthwise = rng.integers(-127, 128, (1, 3, 3, 5)).astype(np.int8)  # 1HWC
    first, second = np.linspace(0.01, 0.04, 4), np.linspace(0.1, 0.5, 5)
    found = list(convolutions(_model([(3, plain, first, 0), (4, depthwise, second, 3)])))
    np.testing.assert_allclose(found[0].weight[2, 1], plain[2, :, :, 1] * np.float32(first[2]), rtol=1e-6)
    np.testing.assert_allclose(found[1].weight[4, 0], depthwise[0, :, :, 4] * np.float32(second[4]), rtol=1e-6)
    np.testing.assert_allclose(found[0].bias, np.arange(4) * first, rtol=1e-6)


class _Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 4, 3, bias=False)
        self.normalization = nn.BatchNorm2d(4, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.normalization(self.convolution(x))


def test_folded_normalisations_become_biases():
    rng = np.random.default_rng(1)
    weight, scales = rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8), np.linspace(0.01, 0.04, 4)
    tower = nn.Sequential(_Layer()).eval()
    content = _model([(3, weight, scales, 0)])
    tower.load_state_dict(mobilenet_weights(content, tower))
    wanted = next(convolutions(content))
    x = torch.rand(1, 2, 5, 5)
    expected = nn.functional.conv2d(x, torch.from_numpy(wanted.weight), torch.from_numpy(wanted.bias))
    torch.testing.assert_close(tower(x), expected, rtol=1e-5, atol=1e-5)


def test_other_files_are_refused():
    weight = np.ones((1, 1, 1, 1), np.int8)
    with pytest.raises(UserError, match="not a TensorFlow Lite model"):
        list(convolutions(b"\x00" * 32))
    with pytest.raises(UserError, match="symmetric"):
        list(convolutions(_model([(3, weight, np.ones(1), 0)], zero_point=3)))
    with pytest.raises(UserError, match="another MobileNetV2"):
        mobilenet_weights(_model([(3, weight, np.ones(1), 0)]), nn.Sequential(_Layer()))
