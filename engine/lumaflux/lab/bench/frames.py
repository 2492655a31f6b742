"""Frames of the default model on a device: milliseconds by stage at full HD and UHD, memory, and distance from the CPU.

``python -m lumaflux.lab.bench.frames --json FILE [--model lite] [--sizes 1920x1080,3840x2160]``; no video is read.
"""

import argparse
import json
import statistics
from typing import Any

import torch
from torch import Tensor

from lumaflux.arguments import listed, new_file, size, whole
from lumaflux.backends.device import pick_device
from lumaflux.endings import told
from lumaflux.inference.load import load
from lumaflux.lab.bench.clock import forget_peak, peak_bytes, synchronize, waited
from lumaflux.settings import Settings

_CODES = 1023  # of a 10-bit signal
_COMPARED = (270, 480)  # rows and columns of the frame that the CPU renders too


def frame(height: int, width: int) -> Tensor:
    """A smooth picture with detail and clipped parts, the same every time: SDR [3,H,W] on the CPU."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None, :]
    waves = [torch.sin(9 * columns + phase) * torch.cos(7 * rows - phase) for phase in (0.0, 1.0, 2.0)]
    noise = 0.02 * torch.randn(3, height, width, generator=torch.Generator().manual_seed(0))
    return ((0.6 + 0.5 * torch.stack(waves) + noise).clamp(0, 1) * 255).round() / 255


def frame_figures(model: str, sizes: list[tuple[int, int]], rounds: int, device: torch.device) -> dict[str, Any]:
    """By size: ``ms`` a frame, ``stages_ms`` by stage (medians), ``peak_mb`` on the device; then the distance between
    this device's picture and the CPU's, in 10-bit codes."""
    converter, figures = load(model, device=str(device)), {}
    for width, height in sizes:
        sdr = frame(height, width).to(device)
        forget_peak(device)
        taken = waited(lambda sdr=sdr: converter.render(sdr), rounds, device)
        peak = peak_bytes(device)
        stages: dict[str, list[float]] = {}
        for _ in range(rounds):
            synchronize(device)
            for name, seconds in converter.render_timed(sdr, Settings())[1].items():
                stages.setdefault(name, []).append(1e3 * seconds)
        figures[f"{width}x{height}"] = {
            "ms": 1e3 * taken,
            "stages_ms": {name: statistics.median(values) for name, values in stages.items()},
            "peak_mb": None if peak is None else peak / 2**20,
        }
    sdr = frame(*_COMPARED)
    here = converter.render(sdr.to(device)).cpu()
    off = _CODES * (here - load(model, device="cpu").render(sdr)).abs().flatten()
    return figures | {"codes_from_the_cpu": {"mean": float(off.mean()), "p99": float(off.quantile(0.99))}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.frames", description=__doc__)
    parser.add_argument("--json", type=new_file, required=True, help="where the figures are written")
    parser.add_argument("--model", default="lite")
    parser.add_argument("--sizes", type=listed(size()), default="1920x1080,3840x2160")
    parser.add_argument("--rounds", type=whole(), default=5)
    options = parser.parse_args()
    figures = frame_figures(options.model, options.sizes, options.rounds, pick_device())
    print(json.dumps(figures, indent=1))
    options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    with told("lumaflux"):
        main()
