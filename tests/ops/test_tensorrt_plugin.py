"""What TensorRT would be handed: the recorder in its place shows the kernel, its launch and its parameters' order."""

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lumaflux.errors import UserError
from lumaflux.ops import tensorrt_plugin


class Size:
    def __init__(self, value=None):
        self.value = value

    def constant_value(self):
        return self.value


TOKENS = Size()


def described(dtype, *shape):
    return SimpleNamespace(dtype=dtype, shape_expr=list(shape), like=lambda: "like value")


@pytest.fixture
def recorder(monkeypatch):
    seen = {}
    plugin: Any = ModuleType("tensorrt.plugin")
    plugin.TensorDesc = SimpleNamespace
    plugin.SymExprs = dict
    plugin.KernelLaunchParams = SimpleNamespace
    plugin.AutoTuneCombination = lambda types, formats: (types, formats)
    plugin.SymIntExprs = lambda count: dict.fromkeys(range(count))
    plugin.SymInt32 = lambda value: ("int32", value)
    plugin.cdiv = lambda a, b: ("ceil", a, b)
    for kind in ("register", "autotune", "aot_impl"):
        setattr(plugin, kind, lambda name, kind=kind: lambda function: seen.__setitem__((kind, name), function))
    package: Any = ModuleType("tensorrt")
    package.plugin = plugin
    monkeypatch.setitem(sys.modules, "tensorrt", package)
    monkeypatch.setitem(sys.modules, "tensorrt.plugin", plugin)
    tensorrt_plugin.register()
    return {kind: seen[kind, "lumaflux::GatedLowRank"] for kind in ("register", "autotune", "aot_impl")}


def node(dtype="DataType.BF16", rank=8, heads=24, width=3072):
    sizes = [(Size(1), TOKENS, Size(width))] * 2 + [(Size(width), Size(rank)), (Size(rank), Size(width))]
    sizes += [(Size(1), Size(1), Size(1))] * 2 + [(Size(1), TOKENS, Size(heads), Size(1))]
    return [described(dtype, *shape) for shape in sizes]


def test_result_is_like_the_value(recorder):
    assert recorder["register"](*node()) == "like value"


def test_all_tensors_of_one_type(recorder):
    found = recorder["autotune"](*node(), outputs=(None,))
    assert found == [(", ".join([kind] * 8), "LINEAR") for kind in ("FP16", "BF16")]


def test_kernel_launch_and_extra_integers(recorder):
    pytest.importorskip("cuda.bindings")
    name, code, launch, extra = recorder["aot_impl"](*node(), outputs=(None,), tactic=0)
    assert name == "gated_low_rank"
    assert launch.grid_x == ("ceil", TOKENS, 64)
    assert (launch.block_x, launch.shared_mem) == (512, 0)
    assert extra[0] == ("int32", TOKENS)
    assert (extra[1], extra[2]) == (("int32", 3072), ("int32", 24))
    kinds = re.findall(r"\.param \.(u64|u32|b32|b64)", code.decode().split(".entry gated_low_rank(")[1].split(")")[0])
    assert [kind[1:] for kind in kinds] == ["64"] * 7 + ["32"] * 3 + ["64"]  # inputs, extra integers, output
    assert b"bf16" in code


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 12}, "pad the factors"),
        ({"heads": 256, "width": 3072}, "multiple of 8 channels"),
        ({"dtype": "DataType.FLOAT"}, "not DataType.FLOAT"),
    ],
)
def test_what_no_kernel_is_for_is_refused(recorder, changes, words):
    with pytest.raises(UserError, match=words):
        recorder["aot_impl"](*node(**changes), outputs=(None,), tactic=0)


def test_missing_tensorrt_is_named_with_its_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(UserError, match="pip install tensorrt-cu13"):
        tensorrt_plugin.register()
