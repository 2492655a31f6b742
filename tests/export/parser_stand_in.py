"""A stand-in of what the enterprise builder calls, written from NVIDIA's documentation of the TensorRT Python API
(Builder, INetworkDefinition, OnnxParser, OnnxParserFlag, tensorrt.plugin) and from how its ONNX parser was seen to
choose: a plugin, if one is registered under the node's own ``plugin_namespace`` (the nameless one without that
attribute, and then only with ENABLE_PLUGIN_OVERRIDE); else an operator's importer; else a local function; else a plugin
of the node's domain. An "engine" is what was parsed.
"""

import json
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import onnx
from onnx.helper import get_attribute_value


class LayerType(Enum):
    ELEMENTWISE, MATRIX_MULTIPLY, PLUGIN_V3 = range(3)


class Network:
    def __init__(self, flags):
        self.flags, self.layers, self.inputs = flags, [], []

    @property
    def num_layers(self):
        return len(self.layers)

    @property
    def num_inputs(self):
        return len(self.inputs)

    def get_layer(self, index):
        return self.layers[index]

    def get_input(self, index):
        return self.inputs[index]


class Parser:
    num_errors = 0

    def __init__(self, plugins, network):
        self.plugins, self.network, self.override = plugins, network, False

    def set_flag(self, flag):
        assert flag == "ENABLE_PLUGIN_OVERRIDE"
        self.override = True

    def parse_from_file(self, path):
        assert isinstance(path, str)
        model = onnx.load(path)
        functions = {function.name: function for function in model.functions}
        self.network.inputs = list(model.graph.input)
        for node in model.graph.node:
            self._import(node, functions)
        return True

    def _import(self, node, functions):
        attributes = {entry.name: get_attribute_value(entry) for entry in node.attribute}
        namespace = attributes.get("plugin_namespace", b"").decode()
        if (self.override or "plugin_namespace" in attributes) and (namespace, node.op_type) in self.plugins:
            self._add(LayerType.PLUGIN_V3, node.name)
        elif node.op_type in functions and node.domain:
            for inner in functions[node.op_type].node:
                kind = LayerType.MATRIX_MULTIPLY if inner.op_type == "MatMul" else LayerType.ELEMENTWISE
                self._add(kind, f"{node.name}/{inner.op_type}")
        elif (node.domain, node.op_type) in self.plugins:
            self._add(LayerType.PLUGIN_V3, node.name)
        else:
            self._add(LayerType.ELEMENTWISE, node.name)

    def _add(self, kind, name):
        self.network.layers.append(SimpleNamespace(type=kind, name=name))


def stand_in():
    """The modules ``tensorrt`` and ``tensorrt.plugin``, and what was registered, as (namespace, name)."""
    plugins, flags = set(), {"STRONGLY_TYPED": 0, "PREFER_AOT_PYTHON_PLUGINS": 1}
    made = []

    class Builder:
        def __init__(self, logger):
            pass

        def create_network(self, flags):
            made.append(Network(flags))
            return made[-1]

        def create_builder_config(self):
            return SimpleNamespace(add_optimization_profile=lambda profile: 0)

        def create_optimization_profile(self):
            return SimpleNamespace(set_shape=lambda *arguments: None)

        def build_serialized_network(self, network, config):
            return json.dumps([layer.name for layer in network.layers]).encode()

    trt: Any = ModuleType("tensorrt")
    trt.Logger = type("Logger", (), {"WARNING": 2, "__init__": lambda self, severity: None})
    trt.NetworkDefinitionCreationFlag = SimpleNamespace(**flags)
    trt.OnnxParserFlag = SimpleNamespace(ENABLE_PLUGIN_OVERRIDE="ENABLE_PLUGIN_OVERRIDE")
    trt.LayerType, trt.Builder = LayerType, Builder
    trt.OnnxParser = lambda network, logger: Parser(plugins, network)
    plugin: Any = ModuleType("tensorrt.plugin")
    for name in ("TensorDesc", "SymExprs", "KernelLaunchParams", "AutoTuneCombination"):
        setattr(plugin, name, SimpleNamespace)

    def register(name):
        plugins.add(tuple(name.split("::")))
        return lambda function: function

    plugin.register = register
    plugin.autotune = plugin.aot_impl = lambda name: lambda function: function
    trt.plugin = plugin
    return trt, plugin, plugins, made
