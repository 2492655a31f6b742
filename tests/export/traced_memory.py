"""How far a process grows while it traces a velocity by blocks: ``python traced_memory.py FOLDER`` prints bytes.

Weights of the velocity, of its largest part, and the growth beyond the model itself, as JSON.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from lumaflux.export.block_parts import block_parts
from lumaflux.export.parts import parts_of, value_updates_as_nodes
from lumaflux.export.trace import write_part

from lumaflux.backends.by_blocks import LAST, is_block
from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX

SHAPE = {"attention_head_dim": 64, "num_attention_heads": 12, "axes_dims_rope": [16, 24, 24]}


def blocks_of(config):
    model = build(config, seed=0).eval()
    velocity = next(part for part in parts_of(model, (64, 64)) if part.name == "velocity")
    return model, list(block_parts(model, velocity.inputs))


def resident(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(what))


def main(folder):
    _, small = blocks_of(TINY_FLUX)
    write_part(next(part for part in small if part.name == LAST), folder / "first.onnx")  # imports what a trace needs
    model, parts = blocks_of(replace(TINY_FLUX, transformer={**TINY_FLUX.transformer, **SHAPE}))
    sizes = [sum(weight.nbytes for weight in part.module.parameters()) for part in parts]
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew: proc(5)
    with value_updates_as_nodes(model):
        for part in parts:
            if is_block(part.name):
                write_part(part, folder / f"{part.name}.onnx")
    print(json.dumps({"weights": sum(sizes), "largest": max(sizes), "growth": resident("VmHWM") - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
