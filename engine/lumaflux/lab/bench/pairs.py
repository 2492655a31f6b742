"""How many training pairs a second a device makes, by stage: crops, cameras, other light, renderings.

``python -m lumaflux.lab.bench.pairs --json FILE [--batch N] [--crop N]``. Masters are random; their number is what a
pool has.
"""

import argparse
import json
from typing import Any

import numpy as np
import torch

from lumaflux.arguments import new_file, whole
from lumaflux.backends.device import pick_device
from lumaflux.endings import told
from lumaflux.lab.bench.clock import waited
from lumaflux.lab.data.batch_renderings import render_batch
from lumaflux.lab.data.draws import generator_on
from lumaflux.lab.data.mastering import relight
from lumaflux.lab.data.resident import ResidentPanoramas, ResidentViews
from lumaflux.lab.data.views import SceneViews

_TOP = 49_000  # codes: PQ(1000 cd/m2) is 0.75


def pair_figures(device: torch.device, batch: int, crop: int, views: int, panoramas: int) -> dict[str, Any]:
    """Samples a second of ``batch`` at a time."""
    rng = np.random.default_rng(0)
    side = max(256, crop)
    codes = rng.integers(0, _TOP, (views, 3, side, side), dtype=np.uint16)
    flat = ResidentViews([SceneViews("random", "random", "still", codes)], device)
    round_ = ResidentPanoramas(rng.integers(0, _TOP, (panoramas, 3, 512, 1024), dtype=np.uint16), device)
    generator = generator_on(device, 1)
    masters = flat.draw(batch, crop, generator)

    def whole() -> torch.Tensor:
        return render_batch(relight(round_.draw(batch, crop, generator), 0.5, generator), generator, 0.4)

    parts = {
        "crops of views": lambda: flat.draw(batch, crop, generator),
        "cameras in panoramas": lambda: round_.draw(batch, crop, generator),
        "other light": lambda: relight(masters, 0.5, generator),
        "renderings": lambda: render_batch(masters, generator, 0.4),
        "all, from panoramas": whole,
    }
    return {name: round(batch / waited(part, 3, device), 1) for name, part in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.pairs", description=__doc__)
    parser.add_argument("--json", type=new_file, required=True, help="where the figures are written")
    parser.add_argument("--batch", type=whole(), default=256)
    parser.add_argument("--crop", type=whole(16), default=256)
    parser.add_argument("--views", type=whole(), default=2048, help="how many lie on the device")
    parser.add_argument("--panoramas", type=whole(), default=64)
    options = parser.parse_args()
    figures = pair_figures(pick_device(), options.batch, options.crop, options.views, options.panoramas)
    print(json.dumps(figures, indent=1))
    options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    with told("lumaflux"):
        main()
