"""Which GatedLowRank nodes of a graph the project's own kernel evaluates in an engine of enterprise TensorRT.

NVIDIA's ONNX parser looks for a plugin before it inlines a function's body, but only under the namespace that the node
itself names: its flag ENABLE_PLUGIN_OVERRIDE alone looks in the nameless one and takes the body. (Seen with the parser
of TensorRT-RTX 1.7, which chooses the same way and cannot go on from there.) So each node is given the attributes.
TensorRT-RTX has no plugins: there the body is inlined.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lumaflux.model.config import LumaFluxConfig
from lumaflux.ops.sources import RANKS

from ..functions import DOMAIN, NAME

VERSION = "1"


def reason_against(config: LumaFluxConfig, backend: str, precision: str) -> str | None:
    """Why no node of such an engine can take the kernel; None where all can."""
    if backend == "rtx":
        return "TensorRT-RTX has no plugins: it inlines the node's function"
    if backend != "trt":
        return "onnxruntime runs the node's function"
    if precision == "fp32":
        return "the kernel takes 16-bit types, and the engine is in fp32"
    if config.rank not in RANKS:
        return f"the kernel is compiled for the ranks {', '.join(map(str, RANKS))}, not {config.rank}"
    if config.width // config.heads % 8:
        return f"the kernel needs heads of a multiple of 8 channels, not {config.width // config.heads}"
    return None


def nodes_of(graph: Path) -> list[str]:
    """The names of a graph's GatedLowRank nodes."""
    import onnx

    model = onnx.load(str(graph), load_external_data=False)
    return [node.name for node in model.graph.node if _is_ours(node)]


@contextmanager
def marked(graph: Path) -> Iterator[Path]:
    """The graph with a plugin named in every GatedLowRank node; a file beside it, whose weights may lie in another,
    for the time of the block."""
    import onnx
    from onnx import helper

    model = onnx.load(str(graph), load_external_data=False)
    for node in model.graph.node:
        if _is_ours(node):
            node.attribute.extend(
                [
                    helper.make_attribute("plugin_namespace", DOMAIN),
                    helper.make_attribute("plugin_version", VERSION),
                ]
            )
    copy = graph.with_name(f".{graph.name}.{os.getpid()}.marked")
    try:
        onnx.save(model, str(copy))
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def taken(trt: Any, network: Any, nodes: list[str]) -> list[str]:
    """Those of ``nodes`` that a parsed network holds as a plugin's layer."""
    layers = (network.get_layer(i) for i in range(network.num_layers))
    plugins = {layer.name for layer in layers if layer.type == trt.LayerType.PLUGIN_V3}
    return [name for name in nodes if name in plugins]


def _is_ours(node: Any) -> bool:
    return node.domain == DOMAIN and node.op_type == NAME
