"""fp8 E4M3: Q/DQ pairs on the transformer's large matrix products, with scales from calibration frames.

Activations have one scale a tensor (``HEADROOM`` amax / 448), weights one an output channel (amax / 448). What stays in
fp16 or fp32 is ``KEPT``: small, or where an error reaches every pixel.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumaflux.backends.by_blocks import handed_on, steps_of
from lumaflux.errors import UserError
from lumaflux.model.config import LumaFluxConfig

from .storage import data_file, save_graph

E4M3_LARGEST = 448.0
# Of activations over the largest of the calibration frames, which may be one: what other frames exceed would clip. A
# power of two moves exponents alone and costs no precision, but below 1/14000 of the largest.
HEADROOM = 2.0
KEPT = (
    "first and last layer of the transformer (x_embedder, context_embedder, proj_out, norm_out)",
    "time and guidance embedding, AdaLN modulations",
    "normalisations, softmax, attention products, rotary turns",
    "PGA's low-rank path, PCM, coupler, Psi",
    "SigLIP tower, cues, VAE, tone head and spline",
)
_LEAST_WIDTH = 64  # of either side of a weight: smaller products gain nothing


def quantised_products(model) -> list:
    """The MatMul and Gemm nodes of an ONNX velocity graph whose weights become fp8."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.op_type not in ("MatMul", "Gemm") or len(node.input) < 2 or node.input[1] not in weights:
            continue
        name = weights[node.input[1]].name
        origin, wide = _origin(node, name), min(weights[node.input[1]].dims) >= _LEAST_WIDTH
        if "transformer_blocks" in origin and wide and not _kept(origin):
            found.append(node)
    return found


def _origin(node, weight: str) -> str:
    facts = {entry.key: entry.value for entry in node.metadata_props}
    scope = facts.get("pkg.torch.onnx.name_scopes", "")
    return f"{weight} {node.name} {scope}"


def _kept(origin: str) -> bool:
    return any(part in origin for part in ("norm", "adapters", "pcm", "coupler", "pga"))


def calibrate(graph: Path, samples: Iterable[dict[str, np.ndarray]], scratch: Path) -> dict[str, float]:
    """Largest magnitude of every activation that meets an fp8 weight, over all samples of the velocity's inputs.

    Raises UserError when there is no sample.
    """
    import onnx

    from lumaflux.backends.onnxruntime import session

    model = onnx.load(str(graph))
    wanted = sorted({node.input[0] for node in quantised_products(model)})
    inputs = {entry.name for entry in model.graph.input}
    inner = [name for name in wanted if name not in inputs]
    known = {entry.name for entry in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner if name not in known)
    probe = scratch / ".calibration.onnx"
    save_graph(model, probe)
    del model
    largest = dict.fromkeys(wanted, 0.0)
    count = 0
    try:
        opened = session(probe)
        types = {entry.name: entry.type for entry in opened.get_inputs()}
        for sample in samples:
            count += 1
            feeds = {k: v.astype(np.float16) if types[k] == "tensor(float16)" else v for k, v in sample.items()}
            for name, value in zip(inner, opened.run(inner, feeds) if inner else [], strict=True):
                largest[name] = max(largest[name], float(np.abs(value.astype(np.float32)).max()))
            for name in set(wanted) & inputs:
                largest[name] = max(largest[name], float(np.abs(feeds[name]).max()))
    finally:
        for file in (probe, data_file(probe)):
            file.unlink(missing_ok=True)
    if not count:
        raise UserError("fp8 needs calibration frames; name a clip or pictures with --calibration")
    return largest


def quantise_blocks(
    graphs: dict[str, Path], targets: dict[str, Path], config: LumaFluxConfig, samples: list[dict[str, np.ndarray]]
) -> int:
    """``calibrate`` and ``quantise`` for a velocity by blocks, one block after the other, each on what those before it
    make in 16 bits of the velocity's inputs; returns the number of products in fp8."""
    from lumaflux.backends.onnxruntime import run_session, session

    tensors = [{name: torch.from_numpy(value) for name, value in sample.items()} for sample in samples]
    states: list[dict[str, Tensor]] = [{} for _ in samples]
    chains = [steps_of(config, inputs, state) for inputs, state in zip(tensors, states, strict=True)]
    count = 0
    for steps in zip(*chains, strict=True):
        part = steps[0][0]
        if part in targets:
            given = ({name: value.float().numpy() for name, value in taken.items()} for _, taken in steps)
            scales = calibrate(graphs[part], given, targets[part].parent)
            count += quantise(graphs[part], scales, targets[part])
        opened = session(graphs[part])
        for state, (_, taken) in zip(states, steps, strict=True):
            state |= handed_on(run_session(opened, taken))
    return count


def quantise(graph: Path, largest: dict[str, float], target: Path) -> int:
    """Writes ``graph`` with Q/DQ pairs to ``target``; returns the number of products in fp8."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(graph))
    chosen = {node.name: node for node in quantised_products(model)}
    if not chosen:
        raise UserError(f"{graph} has no matrix product that fp8 could hold; build it as fp16")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, activations, made = [], {}, {}
    for node in model.graph.node:
        if node.name in chosen:
            source, weight_name = node.input[0], node.input[1]
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            if source not in activations:
                kind = weights[weight_name].data_type
                activations[source] = _activation(model, nodes, source, HEADROOM * max(largest[source], 1e-6), kind)
            key = weight_name, transposed
            if key not in made:
                weight = numpy_helper.to_array(weights[weight_name])
                axis = 0 if transposed else weight.ndim - 1
                made[key] = _weight(model, nodes, weight_name, weight, axis)
            node.input[0], node.input[1] = activations[source], made[key]
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    left = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(left)
    save_graph(model, target)
    return len(chosen)


def _activation(model, nodes: list, source: str, amax: float, kind: int) -> str:
    from onnx import TensorProto, helper

    scale, zero = f"{source}_scale", f"{source}_zero"
    model.graph.initializer.extend(
        [
            helper.make_tensor(scale, kind, [], [amax / E4M3_LARGEST]),
            helper.make_tensor(zero, TensorProto.FLOAT8E4M3FN, [], b"\0", raw=True),
        ]
    )
    coded, back = f"{source}_fp8", f"{source}_dequantised"
    nodes.append(helper.make_node("QuantizeLinear", [source, scale, zero], [coded], name=coded))
    nodes.append(helper.make_node("DequantizeLinear", [coded, scale, zero], [back], name=back))
    return back


def _weight(model, nodes: list, name: str, weight: np.ndarray, axis: int) -> str:
    import ml_dtypes
    from onnx import TensorProto, helper, numpy_helper

    others = tuple(i for i in range(weight.ndim) if i != axis)
    amax = np.maximum(np.abs(weight.astype(np.float32)).max(axis=others), 1e-6)
    scale = (amax / E4M3_LARGEST).astype(weight.dtype)
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    limit = np.float32(E4M3_LARGEST)
    codes = np.clip(weight.astype(np.float32) / scale.astype(np.float32).reshape(shape), -limit, limit)
    raw = codes.astype(ml_dtypes.float8_e4m3fn).tobytes()
    coded, scale_name, zero, back = f"{name}_fp8", f"{name}_scale", f"{name}_zero", f"{name}_dequantised"
    model.graph.initializer.extend(
        [
            helper.make_tensor(coded, TensorProto.FLOAT8E4M3FN, list(weight.shape), raw, raw=True),
            numpy_helper.from_array(scale, scale_name),
            helper.make_tensor(zero, TensorProto.FLOAT8E4M3FN, [len(scale)], bytes(len(scale)), raw=True),
        ]
    )
    nodes.append(helper.make_node("DequantizeLinear", [coded, scale_name, zero], [back], name=back, axis=axis))
    return back
