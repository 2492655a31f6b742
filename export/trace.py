"""torch -> ONNX: every part of a model with dynamic frame sizes (torch.onnx, dynamo, opset 20)."""

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from engine.model.lumaflux import LumaFlux
from export.functions import OPSET, add_function
from export.parts import Part, parts_of, value_updates_as_nodes

_EXTERNAL_BYTES = 1 << 30  # weights beyond this lie in a file beside the graph: protobuf ends at 2 GiB


def trace(
    model: LumaFlux, folder: Path, progress: Callable[[str], None] = lambda part: None, *, tag: str = "fp32"
) -> dict[str, Path]:
    """Writes ``NAME-TAG.onnx`` for every part into ``folder``; returns them by name. Parts that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    with value_updates_as_nodes(model):
        for part in parts_of(model):
            target = folder / f"{part.name}-{tag}.onnx"
            if not target.exists():
                progress(part.name)
                _write(part, target)
            written[part.name] = target
    return written


def _write(part: Part, target: Path) -> None:
    import onnx

    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            part.module.eval(),
            tuple(part.inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_shapes=_axes(part),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    add_function(model)
    partial, data = target.with_name(f".{target.name}"), f"{target.name}.data"
    large = model.ByteSize() > _EXTERNAL_BYTES
    onnx.save(model, str(partial), save_as_external_data=large, location=data if large else None)
    os.replace(partial, target)


def _axes(part: Part) -> tuple[Any, ...]:
    auto = torch.export.Dim.DYNAMIC
    return tuple(dict.fromkeys(part.dynamic[name], auto) or None for name in part.inputs)
