"""Pairs for highlights in latents, encoded once and kept on disk: what prior and adapters learn highlights from.

A shard holds pairs of one shape, drawn with a generator of its own number alone, so that a bank can be extended, and
stopped at any time.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lumaflux.lab.data.graphics import OverlaidGraphics
from lumaflux.lab.data.highlights import HighlightPair, ReducedHighlights, expose, pairs_to_pq, reduced
from lumaflux.lab.data.views import FULL_SCALE, SceneViews
from lumaflux.lab.training.run import micro_batch_generator
from lumaflux.model.autoencoder import latents_of

SHAPES = ((96, 96), (80, 128))  # rows and columns of frames at about 9,216 pixels
PER_SHARD = 32
_SMALLEST_CROP = 0.5  # of a view's side
_TOGETHER = 8  # pictures that pass the encoder together


@dataclass(frozen=True, kw_only=True)
class LatentPairs:
    """``start`` and ``target``: raw latents [N,c,h,w] of the placed picture and of the one with its highlights; ``sdr``
    [N,3,H,W] codes; ``clipped`` and ``stops`` [N,1,H,W] as ReducedHighlights has them; ``white`` [N] cd/m2."""

    start: Tensor
    target: Tensor
    sdr: Tensor
    clipped: Tensor
    stops: Tensor
    white: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def taken(self, index: Tensor) -> "LatentPairs":
        """Those of ``index`` [n]."""
        return LatentPairs(**{name: value[index] for name, value in vars(self).items()})

    def on(self, device: torch.device) -> "LatentPairs":
        return LatentPairs(**{name: value.to(device) for name, value in vars(self).items()})


def draw_pair(
    scenes: Sequence[SceneViews], size: tuple[int, int], generator: torch.Generator
) -> tuple[HighlightPair, ReducedHighlights]:
    """One pair at its views' size and at ``size``; every scene is as likely as any other."""

    def integer(below: int) -> int:
        return int(torch.randint(below, (), generator=generator))

    views = scenes[integer(len(scenes))].views
    view = views[integer(len(views))]
    aspect = size[1] / size[0]
    side = min(view.shape[1:])
    columns = int(side * (_SMALLEST_CROP + (1 - _SMALLEST_CROP) * float(torch.rand((), generator=generator))))
    rows = int(columns / aspect)
    top, left = integer(view.shape[1] - rows + 1), integer(view.shape[2] - columns + 1)
    cut = view[:, top : top + rows, left : left + columns].astype(np.float32) / FULL_SCALE
    master = torch.from_numpy(cut)[None]
    graphics = OverlaidGraphics.draw(1, (rows, columns), generator, master.device)
    pair = expose(master.flip(-1) if integer(2) else master, generator, graphics)
    return pair, reduced(pair, pairs_to_pq(pair), size)


@torch.no_grad()
def write_shard(
    path: Path, vae: Any, scenes: Sequence[SceneViews], shape: tuple[int, int], seed: int, number: int
) -> None:
    """Draws ``PER_SHARD`` pairs and encodes them where ``vae`` lies; an existing shard is kept."""
    if path.exists():
        return
    generator, device = micro_batch_generator(seed, number), next(vae.parameters()).device
    rows: dict[str, list[Tensor]] = {}
    pictures: dict[str, list[Tensor]] = {"start": [], "target": []}
    for _ in range(PER_SHARD):
        pair, seen = draw_pair(scenes, shape, generator)
        pictures["start"].append(seen.base_pq)
        pictures["target"].append(seen.target_pq)
        values = {
            "sdr": (seen.sdr.clamp(0, 1) * 255).round().to(torch.uint8),
            "clipped": seen.clipped.half(),
            "stops": seen.stops.half(),
            "white": pair.white,
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(value)
    for name, drawn in pictures.items():
        parts = torch.cat(drawn).split(_TOGETHER)
        rows[name] = [latents_of(vae, 2 * part.to(device) - 1).half().cpu() for part in parts]
    temporary = path.with_name(f".{path.name}.partial")
    save_file(
        {name: torch.cat(parts).contiguous() for name, parts in rows.items()}, temporary, {"shape": json.dumps(shape)}
    )
    os.replace(temporary, path)


def extend(folder: Path, vae: Any, scenes: Sequence[SceneViews], pairs: int, seed: int = 1) -> None:
    """Makes ``folder`` hold at least ``pairs`` pairs, of every shape in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(-(-pairs // PER_SHARD)):
        shape = SHAPES[number % len(SHAPES)]
        write_shard(folder / f"shard-{number:04d}.safetensors", vae, scenes, shape, seed, number)


def load_bank(folder: Path) -> list[LatentPairs]:
    """All pairs of a bank, those of one shape together."""
    found: dict[str, list[dict[str, Tensor]]] = {}
    for path in sorted(folder.glob("shard-*.safetensors")):
        with safe_open(path, "pt") as file:
            shape = (file.metadata() or {})["shape"]
            found.setdefault(shape, []).append({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    banks = []
    for shards in found.values():
        joined = {name: torch.cat([shard[name] for shard in shards]) for name in shards[0]}
        kept = {name: value if name == "sdr" else value.float() for name, value in joined.items()}
        banks.append(LatentPairs(**kept))
    return banks


def cells(area: Tensor, latents: Tensor) -> Tensor:
    """A picture's [N,1,H,W] mean over each latent sample [N,1,h,w]."""
    return F.adaptive_avg_pool2d(area, (latents.shape[-2], latents.shape[-1]))
