"""What reused steps and blocks cost a picture: Delta-E-ITP against all of them, and what was evaluated.

``python -m lumaflux.lab.bench.cheaper_steps CLIP [--model lite] [--steps 8] [--frames 0,24]`` prints a table in
Markdown. The product's picture and the transformer's own (``--detail 0``) are compared, each frame by itself.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.arguments import file_there, listed, whole
from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.endings import told
from lumaflux.inference.converter import Converter
from lumaflux.inference.load import load
from lumaflux.media.video.reader import VideoReader
from lumaflux.model.lumaflux import LumaFlux
from lumaflux.settings import Settings

STEP_BOUNDS = (0.1, 0.2, 0.3, 0.5, 1.0)
BLOCK_BOUNDS = (0.02, 0.05, 0.1, 0.2, 0.5)
_PICTURES = (1.0, 0.0)  # details: the product's picture, and the transformer's own


def clip_frames(clip: Path, numbers: list[int]) -> Iterator[Tensor]:
    """Those frames of a clip, SDR [3,H,W] in [0,1]."""
    with VideoReader(clip) as reader:
        for number, frame in enumerate(reader.frames()):
            if number in numbers:
                yield torch.from_numpy(np.asarray(frame.sdr))
            if number >= max(numbers):
                return


def rendered(converter: Converter, sdr: Tensor, settings: Settings) -> tuple[Tensor, int, int]:
    """The picture in PQ, how many first blocks were evaluated, and how many last ones."""
    network: LumaFlux = converter.backend.network  # pyright: ignore[reportAssignmentType]
    calls, block = [0] * converter.config.blocks, network.steered_block

    def steered_block(index: int, *given: Tensor, **named: object) -> tuple[Tensor, Tensor]:
        calls[index] += 1
        return block(index, *given, **named)  # pyright: ignore[reportArgumentType]

    network.steered_block = steered_block  # pyright: ignore[reportAttributeAccessIssue]
    try:
        picture = converter.render(sdr, settings)
    finally:
        del network.steered_block
    return picture, calls[0], calls[-1]


def rows(converter: Converter, frames: list[Tensor], steps: int) -> Iterator[str]:
    """The table's rows: option, bound, and for both pictures the evaluations and the distance of every frame."""
    whole = {
        detail: [rendered(converter, sdr, Settings(steps=steps, detail=detail))[0] for sdr in frames]
        for detail in _PICTURES
    }
    bounds = [("step_reuse", bound) for bound in STEP_BOUNDS] + [("block_reuse", bound) for bound in BLOCK_BOUNDS]
    for option, bound in bounds:
        cells = []
        for detail in _PICTURES:
            reuse: dict[str, Any] = {option: bound}
            settings = Settings(steps=steps, detail=detail, **reuse)
            made = [rendered(converter, sdr, settings) for sdr in frames]
            pairs = zip(made, whole[detail], strict=True)
            distances = [float(delta_e_itp(pq.eotf(a[0]), pq.eotf(b)).mean()) for a, b in pairs]
            counts = [first if option == "step_reuse" else last for _, first, last in made]
            cells += [", ".join(map(str, counts)), ", ".join(f"{distance:.2g}" for distance in distances)]
        yield f"| `--{option.replace('_', '-')} {bound:g}` | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.cheaper_steps", description=__doc__)
    parser.add_argument("clip", type=file_there)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--steps", type=whole(1, 100), default=8)
    parser.add_argument("--frames", type=listed(whole(0)), default="0,24", help="numbers, from 0")
    asked = parser.parse_args()
    converter = load(asked.model, device="cpu")
    frames = list(clip_frames(asked.clip, asked.frames))
    print("| option | product's picture: evaluated | Delta-E-ITP | transformer's own: evaluated | Delta-E-ITP |")
    print("|---|---|---|---|---|")
    for row in rows(converter, frames, asked.steps):
        print(row, flush=True)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
