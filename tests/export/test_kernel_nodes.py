"""The project's kernel in engines of enterprise TensorRT: the nodes that ask for it, the parser's choice, the manifest.

The stand-in (parser_stand_in.py) plays TensorRT; where TensorRT-RTX is installed its parser, which is the same, says
itself what it chooses. No engine with the kernel has been executed.
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from lumaflux.export.engines import tensorrt_build
from lumaflux.export.engines.kernel_nodes import marked, nodes_of, reason_against, taken
from lumaflux.export.functions import DOMAIN, NAME, OPSET, add_function
from onnx import TensorProto, helper
from parser_stand_in import LayerType, stand_in

from lumaflux.model.presets import PRESETS, TINY_FLUX

_INPUTS = ("x", "value", "down", "up", "alpha", "beta", "gate")
_SHAPES = ((1, 7, 32), (1, 7, 32), (32, 8), (8, 32), (1, 1, 1), (1, 1, 1), (1, 7, 2, 1))


@pytest.fixture
def graph(tmp_path):
    """Two GatedLowRank nodes in a row, then a Relu; weights beside the graph."""
    nodes = [
        helper.make_node(NAME, _INPUTS, ["h"], domain=DOMAIN, name="block.0"),
        helper.make_node(NAME, ("h", *_INPUTS[1:]), ["g"], domain=DOMAIN, name="block.1"),
        helper.make_node("Relu", ["g"], ["y"], name="last"),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT16, list(shape))
        for name, shape in zip(_INPUTS, _SHAPES, strict=True)
        if name not in ("down", "up")
    ]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 7, 32])
    factors = [
        helper.make_tensor(name, TensorProto.FLOAT16, [32, 8] if name == "down" else [8, 32], bytes(512), raw=True)
        for name in ("down", "up")
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "g", values, [out], factors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
    add_function(model)
    path = tmp_path / "velocity.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="velocity.onnx.data", size_threshold=0)
    return path


def job(graph, **changes):
    usual = {"graph": str(graph), "device": "sm_90", "profile": {"x": ((1, 1, 32),) * 3}, "backend": "trt"}
    return {**usual, "kernel": True, **changes}


@pytest.fixture
def tensorrt(monkeypatch):
    trt, plugin, plugins, made = stand_in()
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    monkeypatch.setitem(sys.modules, "tensorrt.plugin", plugin)
    return SimpleNamespace(trt=trt, plugins=plugins, networks=made)


def test_the_builder_registers_the_plugin_and_every_node_takes_it(graph, tensorrt):
    engine, by_kernel = tensorrt_build.build(tensorrt.trt, job(graph))
    assert (DOMAIN, NAME) in tensorrt.plugins
    assert by_kernel == ["block.0", "block.1"]
    assert json.loads(engine) == ["block.0", "block.1", "last"]
    assert tensorrt.networks[0].flags == 0b11  # strongly typed, ahead of time
    assert sorted(path.name for path in graph.parent.iterdir()) == ["velocity.onnx", "velocity.onnx.data"]


def test_without_the_kernel_the_function_is_inlined(graph, tensorrt):
    engine, by_kernel = tensorrt_build.build(tensorrt.trt, job(graph, kernel=False))
    assert not by_kernel
    assert not tensorrt.plugins
    assert "block.0/MatMul" in json.loads(engine)


def test_the_flag_alone_does_not_reach_a_plugin_with_a_namespace(graph, tensorrt):
    tensorrt.plugins.add((DOMAIN, NAME))
    network = tensorrt.trt.Builder(None).create_network(0)
    parser = tensorrt.trt.OnnxParser(network, None)
    parser.set_flag("ENABLE_PLUGIN_OVERRIDE")
    parser.parse_from_file(str(graph))
    assert taken(tensorrt.trt, network, nodes_of(graph)) == []


def test_a_graph_without_such_nodes_is_parsed_as_it_is(graph, tensorrt, tmp_path):
    model = onnx.load(str(graph))
    del model.graph.node[:2]
    model.graph.node[0].input[0] = "x"
    onnx.save(model, str(tmp_path / "other.onnx"))
    engine, by_kernel = tensorrt_build.build(tensorrt.trt, job(tmp_path / "other.onnx"))
    assert (json.loads(engine), by_kernel) == (["last"], [])


def test_a_failed_parse_leaves_no_marked_graph(graph, tensorrt, monkeypatch):
    monkeypatch.setattr("parser_stand_in.Parser.parse_from_file", lambda self, path: False)
    with pytest.raises(RuntimeError, match="not parsed"):
        tensorrt_build.build(tensorrt.trt, job(graph))
    assert not list(graph.parent.glob(".*"))


def test_plugins_are_told_from_layers_of_the_same_name():
    layers = [
        SimpleNamespace(type=LayerType.PLUGIN_V3, name="a"),
        SimpleNamespace(type=LayerType.ELEMENTWISE, name="b"),
        SimpleNamespace(type=LayerType.PLUGIN_V3, name="somebody's"),
    ]
    network = SimpleNamespace(num_layers=3, get_layer=layers.__getitem__)
    assert taken(SimpleNamespace(LayerType=LayerType), network, ["a", "b", "c"]) == ["a"]


@pytest.mark.parametrize(
    ("backend", "precision", "changes", "words"),
    [
        ("rtx", "fp16", {}, "has no plugins"),
        ("ort", "fp16", {}, "onnxruntime runs"),
        ("trt", "fp32", {}, "16-bit"),
        ("trt", "fp16", {"rank": 12}, "not 12"),
        ("trt", "bf16", {"rank": 64}, "not 64"),
    ],
)
def test_why_a_node_cannot_take_the_kernel(backend, precision, changes, words):
    from dataclasses import replace

    assert words in str(reason_against(replace(TINY_FLUX, **changes), backend, precision))


@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp8"])
@pytest.mark.parametrize("model", ["tiny-flux", "flux-dev"])
def test_models_whose_nodes_take_it(model, precision):
    assert reason_against(PRESETS[model], "trt", precision) is None


_SEEN = """
import sys
import tensorrt_rtx as trt

class Creator(trt.IPluginCreatorV3One):
    def __init__(self):
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "GatedLowRank", "1", "lumaflux"
        self.field_names = trt.PluginFieldCollection([])

    def create_plugin(self, name, *rest):
        print("chose the plugin for", name, flush=True)

creator = Creator()
assert trt.get_plugin_registry().register_creator(creator, "lumaflux")
logger = trt.Logger(trt.Logger.ERROR)
builder = trt.Builder(logger)
network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
parser = trt.OnnxParser(network, logger)
parser.set_flag(trt.OnnxParserFlag.ENABLE_PLUGIN_OVERRIDE)
parsed = parser.parse_from_file(sys.argv[1])
print("inlined", network.num_layers) if parsed else None
"""


def test_nvidias_own_parser_chooses_so(graph):
    """The process ends there: TensorRT-RTX has the parser and no plugins."""
    pytest.importorskip("tensorrt_rtx", reason="pip install tensorrt-rtx (make slow does)")
    said = {}
    with marked(graph) as copy:
        for name, path in {"plain": graph, "marked": copy}.items():
            done = subprocess.run([sys.executable, "-c", _SEEN, str(path)], capture_output=True, text=True)
            said[name] = done.stdout
    assert said["plain"].startswith("inlined")
    assert said["marked"].startswith("chose the plugin for block.0")


def test_the_compiler_process_notes_the_nodes(graph, tmp_path, monkeypatch):
    """As `compile_part` runs it: stand-ins on the module path play tensorrt."""
    from lumaflux.export.engines.compile import Compiler, nodes_file

    here = str(Path(__file__).parent)
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / "__init__.py").write_text(
        f"import sys\nsys.path.insert(0, {here!r})\nfrom parser_stand_in import stand_in\n"
        "trt, plugin, _, _ = stand_in()\nsys.modules['tensorrt.plugin'] = plugin\nsys.modules['tensorrt'] = trt\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    compiler = Compiler(backend="trt", device="sm_90", sizes=((64, 64),) * 3, model="tiny", precision="fp16")
    target = tmp_path / "velocity.engine"
    compiler.compile("velocity", graph, target)
    assert json.loads(target.read_bytes()) == ["block.0", "block.1", "last"]
    assert json.loads(nodes_file(target).read_text()) == ["block.0", "block.1"]
