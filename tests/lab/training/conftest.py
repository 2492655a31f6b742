"""A pool of smooth synthetic masters and a model configuration small enough for a test."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from lumaflux.lab.data.views import FULL_SCALE
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.model.presets import TINY_FLUX

SCENES = {"a": "train", "b": "train", "c": "validation", "d": "test"}


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("views")
    entries = []
    rows, columns = np.mgrid[0:256, 0:256] / 256.0
    for seed, (name, split) in enumerate(SCENES.items()):
        rng = np.random.default_rng(seed)
        views = []
        for _ in range(3):
            f, p = rng.uniform(1, 9, (2, 3, 1, 1)), rng.uniform(0, 6, (2, 3, 1, 1))
            wave = np.sin(2 * f[0] * columns + p[0]) * np.cos(2 * f[1] * rows + p[1])
            views.append(0.35 + 0.3 * wave + 0.02 * rng.normal(size=(3, 256, 256)))
        signal = np.stack(views).clip(0.0, 0.75)
        save_file({"views": np.rint(signal * FULL_SCALE).astype(np.uint16)}, out / f"{name}.safetensors")
        entries.append({"file": f"{name}.safetensors", "name": name, "scene": name, "split": split, "kind": "still"})
    entries.append({**entries[0], "kind": "photograph"})
    (out / "manifest.json").write_text(json.dumps(entries))
    return out


@pytest.fixture(scope="session")
def tone_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As lumaflux.lab.data.tone_pool writes it: scenes of two splits, a pair and a photograph."""
    out = tmp_path_factory.mktemp("tone")
    kinds = {"a": ("panorama", "train"), "c": ("panorama", "validation"), "pair": ("pair", "train")}
    kinds["photograph"] = ("photograph", "train")
    rows, columns = np.mgrid[0:144, 0:144] / 144.0
    entries = []
    for seed, (name, (kind, split)) in enumerate(kinds.items()):
        wave = np.sin((5 + seed) * columns) * np.cos(7 * rows) * np.ones((2, 3, 1, 1))
        arrays = {}
        if kind != "photograph":
            arrays["hdr"] = np.rint((0.38 + 0.25 * wave) * FULL_SCALE).astype(np.uint16)
        if kind in ("pair", "photograph"):
            arrays["sdr"] = np.rint((0.5 + 0.4 * wave) * 255).astype(np.uint8)
        save_file(arrays, out / f"{name}.safetensors")
        entries.append({"file": f"{name}.safetensors", "name": name, "scene": name, "split": split, "kind": kind})
    (out / "manifest.json").write_text(json.dumps(entries))
    return out


@pytest.fixture(scope="session")
def model_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.json"
    content = TINY_FLUX.to_json()
    content["vae"] |= {"block_out_channels": [16, 32, 32, 64], "latent_channels": 4, "mid_block_add_attention": False}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="session")
def highlight_start(tmp_path_factory: pytest.TempPathFactory, model_json: Path) -> Path:
    """Untrained results of the stages before the adapters."""
    from lumaflux.model.build import build
    from lumaflux.model.config import read_config

    out = tmp_path_factory.mktemp("highlight-start")
    network = build(read_config(model_json), seed=0)
    torch.set_num_threads(1)
    parts = {"vae/vae": network.vae, "tower/siglip": network.siglip, "prior/transformer": network.transformer}
    for name, part in parts.items():
        (out / name).parent.mkdir()
        write_tensors(part.state_dict(), out / f"{name}.safetensors", {})
    return out
