"""ONNX graphs as files: weights beyond 1 GiB lie in a file beside the graph, since protobuf ends at 2 GiB."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    import onnx
    from torch.onnx import ONNXProgram

EXTERNAL_BYTES = 1 << 30


def data_file(graph: Path) -> Path:
    """Where the weights of a large graph lie."""
    return graph.with_name(f"{graph.name}.data")


def save_graph(model: "onnx.ModelProto", target: Path) -> None:
    """Writes beside ``target`` and renames, the data first: a graph that is there is whole."""
    import onnx

    large = model.ByteSize() > EXTERNAL_BYTES
    partial = target.with_name(f".{target.name}")
    data_file(target).unlink(missing_ok=True)
    onnx.save(model, str(partial), save_as_external_data=large, location=data_file(target).name if large else None)
    os.replace(partial, target)


def save_program(program: "ONNXProgram", module: nn.Module, target: Path) -> "onnx.ModelProto":
    """A traced module's graph, in memory without its weights where they are large: those go to the data file at once.

    The caller may change the graph and gives it to ``save_changed``.
    """
    import onnx

    size = sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))
    if size <= EXTERNAL_BYTES:
        return program.model_proto
    partial = target.with_name(f".{target.name}")
    program.save(partial, external_data=True)
    model = onnx.load(str(partial), load_external_data=False)
    partial.unlink()
    os.replace(data_file(partial), data_file(target))
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = data_file(target).name
    return model


def save_changed(model: "onnx.ModelProto", target: Path) -> None:
    """Writes a graph of ``save_program``; its data, if any, lies there already."""
    import onnx

    if not any(tensor.external_data for tensor in model.graph.initializer):
        save_graph(model, target)
        return
    partial = target.with_name(f".{target.name}")
    onnx.save(model, str(partial))
    os.replace(partial, target)
