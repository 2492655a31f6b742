"""What the rehearsal of a training needs: a pool of smooth masters, a tiny model, and the results of earlier stages.

``python scripts/gpu/rehearsal.py FOLDER`` writes them, and ``adapters.yaml``, which trains on them.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

CONFIG = """
stage: adapters
run: {folder}/run
views: {folder}/views
model: {folder}/tiny.json
start: {folder}
steps: 1000000
batch: 4
crop: 64
precision: bf16
gradient_checkpointing: true
resident: true
learning_rate: 1.0e-3
warmup: 2
threads: 1
log_every: 5
validation_count: 2
validation_size: 64
options:
  detail: source
  picture_every: 1
  at_one: 1.0
  random_share: 0.4
  varied: 0.5
  flow: 0.1
"""


def make(folder: Path) -> None:
    from lumaflux.lab.training.stage_weights import PRIOR_DIRECTORY, TOWER_DIRECTORY, VAE_DIRECTORY
    from lumaflux.model.build import build
    from lumaflux.model.presets import TINY_FLUX

    views = folder / "views"
    views.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[0:128, 0:128] / 128
    entries = []
    for number, split in enumerate(("train", "train", "validation")):
        phases = np.random.default_rng(number).uniform(0, 6, (4, 3, 1, 1))
        signal = (0.35 + 0.3 * np.sin(7 * columns + phases) * np.cos(5 * rows - phases)).clip(0, 0.75)
        save_file({"views": np.rint(signal * 65535).astype(np.uint16)}, views / f"{number}.safetensors")
        name = str(number)
        entries.append({"file": f"{name}.safetensors", "name": name, "scene": name, "split": split, "kind": "still"})
    (views / "manifest.json").write_text(json.dumps(entries))
    (folder / "tiny.json").write_text(json.dumps(TINY_FLUX.to_json()))
    model = build(TINY_FLUX, seed=0)
    for directory, name, part in (
        (VAE_DIRECTORY, "vae", model.vae),
        (TOWER_DIRECTORY, "siglip", model.siglip),
        (PRIOR_DIRECTORY, "transformer", model.transformer),
    ):
        (folder / directory).mkdir(exist_ok=True)
        weights = {key: value.numpy() for key, value in part.state_dict().items()}
        save_file(weights, folder / directory / f"{name}.safetensors")
    (folder / "adapters.yaml").write_text(CONFIG.format(folder=folder))


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
