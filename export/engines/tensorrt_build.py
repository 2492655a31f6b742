"""One graph to one TensorRT or TensorRT-RTX engine: what `compile_part` runs in a process of its own.

Builder, network, parser and optimisation profiles are the same in both packages (NVIDIA, TensorRT Python API,
"Builder" and "OnnxParser"). TensorRT-RTX builds for a named compute capability without that device; TensorRT builds
for the device that is there. The enterprise path has not been executed on a device.
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

MODULES = {"rtx": "tensorrt_rtx", "trt": "tensorrt"}


def build(trt: ModuleType, job: dict) -> bytes:
    """Parses ``job["graph"]`` and compiles it. Raises RuntimeError with the parser's or the builder's words."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(job["graph"]):
        raise RuntimeError("; ".join(str(parser.get_error(i)) for i in range(parser.num_errors)) or "not parsed")
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
    return bytes(engine)


def main() -> None:
    job = json.loads(sys.argv[1])
    try:
        made = build(importlib.import_module(MODULES[job["backend"]]), job)
    except (RuntimeError, ImportError, AttributeError) as error:
        sys.exit(str(error))
    Path(job["target"]).write_bytes(made)


if __name__ == "__main__":
    main()
