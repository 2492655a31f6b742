"""Predictions and references as 16-bit PQ PNGs, paired by file stem; what is no such picture is refused by name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import UserError

SUFFIXES = (".png", ".tif", ".tiff")
_IMPLAUSIBLE_PQ = 0.9025724  # 4000 cd/m2: a PQ master with more than 1 % of its pixels above it is something else
_IMPLAUSIBLE_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Pair:
    name: str
    prediction: Path | None
    reference: Path
    sdr: Path | None


def find_pairs(predictions: Path, references: Path, sdr: Path | None = None) -> list[Pair]:
    """One pair a reference, in order of name; ``prediction`` or ``sdr`` is None where missing.

    Raises UserError when a directory is missing or empty, or holds two pictures of one stem.
    """
    wanted, made = find_pictures(references), find_pictures(predictions)
    sources = find_pictures(sdr) if sdr is not None else {}
    if not set(wanted) & set(made):
        raise UserError(f"no picture of {predictions} has the name of one in {references}; pairs go by file stem")
    return [
        Pair(name=stem, prediction=made.get(stem), reference=path, sdr=sources.get(stem))
        for stem, path in sorted(wanted.items())
    ]


def find_pictures(folder: Path) -> dict[str, Path]:
    """The folder's pictures by file stem. Raises UserError when there are none, or two of one stem."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a directory; name one that holds pictures")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (*SUFFIXES, ".jpg", ".jpeg", ".webp"):
            if path.stem in found:
                raise UserError(f"{folder} has two pictures named {path.stem}; keep one")
            found[path.stem] = path
    if not found:
        raise UserError(f"{folder} holds no pictures")
    return found


def read_pq(path: Path) -> Tensor:
    """A 16-bit PQ/BT.2020 picture -> [1,3,H,W] float32; raises UserError for anything else."""
    from engine.media.stills import read_still
    from engine.media.video_source import check_file

    still = read_still(check_file(path), allow_hdr=True)
    info = still.info
    if info.bit_depth != 16:
        raise UserError(f"{path} has {info.bit_depth} bits; HDR pictures are compared as 16-bit PQ")
    if info.transfer.value != "pq" and info.transfer.source == "tagged":
        raise UserError(f"{path} is tagged {info.transfer.value}, not PQ; write it as 16-bit PQ with cICP")
    share = float(np.mean(still.sdr.max(axis=0) > _IMPLAUSIBLE_PQ))
    if share > _IMPLAUSIBLE_SHARE:
        raise UserError(
            f"{path}: {share:.0%} of its pixels would be above 4000 cd/m2 in PQ; it seems to have another transfer"
        )
    return torch.from_numpy(still.sdr)[None]


def read_sdr(path: Path) -> Tensor:
    """An SDR picture -> [1,3,H,W] float32 in [0,1], as it is coded."""
    from engine.media.stills import read_still
    from engine.media.video_source import check_file

    return torch.from_numpy(read_still(check_file(path)).sdr)[None]
