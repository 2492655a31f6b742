"""Whole panoramas for training on a device, where cameras look into them: an eighth of what their views take.

``panoramas.safetensors`` a split: uint16 [N,3,512,1024], codes of PQ to 10,000 cd/m2 of light at the mastering
convention's exposure, without its shoulder. ``python -m lumaflux.lab.data.panoramas OUT [--packages DIR]`` makes the
pool (HDR_DIR adds its collection); a training configuration names it with ``views`` and says ``resident: true``.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.data.mastering import master_gain, to_bt2020
from lumaflux.lab.data.pictures import read_linear
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.sources import Source, read_pool_command
from lumaflux.lab.data.views import FULL_SCALE
from lumaflux.media.atomic_file import allow_by_umask

MANIFEST = "panoramas.json"
HEIGHT, WIDTH = 512, 1024


def codes_of(light: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Relative linear BT.2020 of a panorama [3,h,w] -> codes [3,512,1024]."""
    nits = light * np.float32(master_gain(light))
    if light.shape[1:] != (HEIGHT, WIDTH):
        scaled = F.interpolate(
            torch.from_numpy(nits)[None], (HEIGHT, WIDTH), mode="bilinear", align_corners=False, antialias=True
        )
        nits = scaled[0].numpy()
    return np.rint(np.asarray(pq.inverse_eotf(nits.clip(0, pq.PQ_PEAK_NITS))) * FULL_SCALE).astype(np.uint16)


def make_panoramas(sources: Sequence[Source], out: Path) -> None:
    """Writes the pool below ``out``: one file a split, and the manifest last. Raises UserError without a panorama."""
    from safetensors.numpy import save_file

    out.mkdir(parents=True, exist_ok=True)
    chosen = [source for source in sources if source.kind == "panorama"]
    if not chosen:
        raise UserError("there is no panorama among the sources; name a folder filled by lumaflux.lab.data.fetch")
    entries = {}
    for split in sorted({source.split for source in chosen}):
        own = [source for source in chosen if source.split == split]
        codes = np.stack([codes_of(to_bt2020(read_linear(source.path))) for source in own])
        target = out / f"{split}.panoramas.safetensors"
        temporary = target.with_name(f".{target.name}.partial")
        save_file({"panoramas": codes}, temporary)
        allow_by_umask(temporary)
        os.replace(temporary, target)
        entries[split] = {
            "file": target.name,
            "sources": [{"name": s.name, "scene": s.scene, "licence": s.licence} for s in own],
        }
    (out / MANIFEST).write_text(json.dumps(entries, indent=1) + "\n")


def is_panorama_pool(pool: Path) -> bool:
    return (pool / MANIFEST).is_file()


def load_panoramas(pool: Path, split: Split) -> NDArray[np.uint16]:
    """Codes [N,3,512,1024] of a split. Raises UserError when the pool is missing or holds none of it."""
    from safetensors.numpy import load_file

    try:
        entries = json.loads((pool / MANIFEST).read_text())
    except OSError:
        raise UserError(
            f"{pool} holds no panoramas; make them with: python -m lumaflux.lab.data.panoramas {pool}"
        ) from None
    if split not in entries:
        raise UserError(f"the split '{split}' of {pool} holds no panorama")
    return load_file(pool / entries[split]["file"])["panoramas"]


def main(arguments: Sequence[str] | None = None) -> None:
    out, sources = read_pool_command("lumaflux.lab.data.panoramas", __doc__, arguments, roots=("HDR_DIR",))
    make_panoramas(sources, out)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
