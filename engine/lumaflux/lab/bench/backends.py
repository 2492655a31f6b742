"""One whole frame through an engine bundle and through torch, interleaved, with the same threads."""

import statistics
from pathlib import Path
from typing import Any

import torch

from lumaflux.backends.bundle import read_manifest
from lumaflux.inference.load import load
from lumaflux.lab.bench.velocity import interleaved

SIZE = (360, 640)  # height and width


def engine_against_torch(directory: Path, rounds: int = 15) -> dict[str, Any]:
    """Milliseconds of ``render`` (the product's path, 360x640) and of ``network`` (the parts alone, on the frame
    that it works at) by ``engine`` and ``torch``, medians, and engine over torch.

    Raises UserError for a bundle that cannot be used here.
    """
    model = read_manifest(directory).model
    converters = {"engine": load(model, engine=directory), "torch": load(model, device="cpu")}
    frame = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        reduced = converters["torch"].reduced(frame[None])[0]
        calls = {name: (lambda one=one: one.render(frame)) for name, one in converters.items()}
        calls |= {f"network {name}": (lambda one=one: one.convert(reduced)) for name, one in converters.items()}
        seconds = interleaved(calls, rounds)
    times = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    return {
        "engine_render_ms": times["engine"],
        "torch_render_ms": times["torch"],
        "engine_over_torch_render": times["engine"] / times["torch"],
        "engine_network_ms": times["network engine"],
        "torch_network_ms": times["network torch"],
        "engine_over_torch_network": times["network engine"] / times["network torch"],
        "threads": torch.get_num_threads(),
    }
