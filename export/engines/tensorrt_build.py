"""One graph to one TensorRT or TensorRT-RTX engine: what `compile_part` runs in a process of its own.

Builder, network, parser and optimisation profiles are the same in both packages (NVIDIA, TensorRT Python API,
"Builder" and "OnnxParser"). TensorRT-RTX builds for a named compute capability without that device; TensorRT builds
for the device that is there, with the project's kernel for GatedLowRank nodes (kernel_nodes.py). The enterprise path
has not been executed on a device; tests run it against a stand-in.
"""

import importlib
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

from lumaflux.errors import UserError

from .kernel_nodes import marked, nodes_of, taken

MODULES = {"rtx": "tensorrt_rtx", "trt": "tensorrt"}


def build(trt: ModuleType, job: dict) -> tuple[bytes, list[str]]:
    """Parses ``job["graph"]`` and compiles it: the engine, and the nodes that took the project's kernel.

    Raises RuntimeError with the parser's or the builder's words.
    """
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    graph, nodes = Path(job["graph"]), []
    if job["kernel"]:
        from lumaflux.ops.tensorrt_plugin import register

        register()
        nodes = nodes_of(graph)
        flags |= 1 << int(trt.NetworkDefinitionCreationFlag.PREFER_AOT_PYTHON_PLUGINS)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if nodes:
        parser.set_flag(trt.OnnxParserFlag.ENABLE_PLUGIN_OVERRIDE)
    with marked(graph) if nodes else nullcontext(graph) as file:
        if not parser.parse_from_file(str(file)):
            raise RuntimeError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)) or "not parsed")
    by_kernel = taken(trt, network, nodes) if nodes else []
    config = builder.create_builder_config()
    if job["backend"] == "rtx":
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, job["device"].replace("_", "").upper()), 0)
    profile = builder.create_optimization_profile()
    inputs = {network.get_input(i).name for i in range(network.num_inputs)}
    for name, (least, usual, largest) in job["profile"].items():
        if name in inputs:
            profile.set_shape(name, tuple(least), tuple(usual), tuple(largest))
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise RuntimeError("the builder made no engine; its log says why")
    return bytes(engine), by_kernel


def main() -> None:
    job = json.loads(sys.argv[1])
    try:
        made, by_kernel = build(importlib.import_module(MODULES[job["backend"]]), job)
    except (RuntimeError, ImportError, AttributeError, UserError) as error:
        sys.exit(str(error))
    Path(job["nodes"]).write_text(json.dumps(by_kernel))
    Path(job["target"]).write_bytes(made)


if __name__ == "__main__":
    main()
