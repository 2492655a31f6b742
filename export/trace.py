"""torch -> ONNX: every part of a model with dynamic frame sizes (torch.onnx, dynamo, opset 20)."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lumaflux.model.lumaflux import LumaFlux

from .block_parts import Part
from .functions import OPSET, add_function
from .parts import parts_of, value_updates_as_nodes
from .storage import save_changed, save_program


def trace(
    model: LumaFlux,
    folder: Path,
    progress: Callable[[str], None] = lambda part: None,
    *,
    tag: str = "fp32",
    by_blocks: bool = False,
) -> dict[str, Path]:
    """Writes ``NAME-TAG.onnx`` for every part into ``folder``; returns them by name. Parts that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    with value_updates_as_nodes(model):
        for part in parts_of(model, by_blocks=by_blocks):
            target = folder / f"{part.name}-{tag}.onnx"
            if not target.exists():
                progress(part.name)
                write_part(part, target)
            written[part.name] = target
    return written


def write_part(part: Part, target: Path) -> None:
    """Traces one part into ``target``, its weights beside it where they are large."""
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
    model = save_program(program, part.module, target)
    add_function(model)
    save_changed(model, target)


def _axes(part: Part) -> tuple[Any, ...]:
    auto = torch.export.Dim.DYNAMIC
    return tuple(dict.fromkeys(part.dynamic[name], auto) or None for name in part.inputs)
