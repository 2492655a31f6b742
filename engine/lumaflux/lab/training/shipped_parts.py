"""Takes the autoencoder and the tower out of a model that exists: neither is trained from nothing here.

``python -m lumaflux.lab.training.shipped_parts MODEL RUN`` writes them where the stages after them look. The shipped
autoencoder comes from TAEF2 (MIT, O. Boer Bohan), the shipped tower from MobileNetV2 (Apache-2.0, ImageNet).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from lumaflux.arguments import folder_there
from lumaflux.endings import told
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.stage_weights import LATENT_STATISTICS, TOWER_DIRECTORY, VAE_DIRECTORY
from lumaflux.model.checkpoint import load_model


def take_parts(model: Path, run: Path) -> None:
    """Writes autoencoder, latent statistics and tower of a model directory below ``run``; what is there is kept.

    Raises UserError for a model that is missing or damaged.
    """
    network = load_model(model)
    parts = {VAE_DIRECTORY: ("vae", network.vae), TOWER_DIRECTORY: ("siglip", network.siglip)}
    for folder, (name, module) in parts.items():
        target = run / folder / f"{name}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            write_tensors(module.state_dict(), target, {"stage": folder, "from": "a model"})
    statistics = run / VAE_DIRECTORY / LATENT_STATISTICS
    if not statistics.exists():
        config = network.config
        statistics.write_text(
            json.dumps({"scaling_factor": config.latent_scale, "shift_factor": config.latent_shift}) + "\n"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.shipped_parts", description=__doc__)
    parser.add_argument("model", type=folder_there, help="a model directory, such as engine/lumaflux/weights/lite")
    parser.add_argument("run", type=Path, help="the folder of the stages, such as runs/lite")
    options = parser.parse_args(arguments)
    take_parts(options.model, options.run)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
