"""Predictions and references as 16-bit PQ PNGs, paired by file stem; what is no such picture is refused by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.pq_levels import check_levels

if TYPE_CHECKING:
    from lumaflux.media.metadata.info import MediaInfo

SUFFIXES = (".png", ".tif", ".tiff")


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
    """A 16-bit or floating-point PQ/BT.2020 picture -> [1,3,H,W] float32.

    Raises UserError for anything else: fewer bits, other tags, levels that PQ does not have, NaN.
    """
    from lumaflux.media.stills.picture import probe_still, read_still
    from lumaflux.media.video.source import check_file

    info = probe_still(check_file(path))
    floats = info.pixel_format.endswith(("half", "float", "double"))
    if info.bit_depth != 16 and not floats:
        raise UserError(f"{path} has {info.bit_depth} bits; HDR pictures are compared as 16-bit PQ")
    _check_tags(path, info)
    signal = _read_float(path, info) if floats else read_still(path, allow_hdr=True).sdr
    check_levels(path, signal)
    return torch.from_numpy(signal)[None]


def extra_predictions(predictions: Path, references: Path) -> list[str]:
    """File names of pictures in ``predictions`` that no reference has the stem of, which are not scored."""
    wanted, made = find_pictures(references), find_pictures(predictions)
    return [path.name for stem, path in sorted(made.items()) if stem not in wanted]


def _check_tags(path: Path, info: "MediaInfo") -> None:
    if info.transfer.source == "tagged" and info.transfer.value != "pq":
        raise UserError(f"{path} is tagged {info.transfer.value}, not PQ; write it as 16-bit PQ with cICP")
    if info.transfer.source == "tagged" and info.primaries.value != "bt2020":
        raise UserError(f"{path} is tagged PQ with {info.primaries.value} primaries; convert it to BT.2020")
    profile = next((what for what in info.dropped if what.startswith("colour profile")), "")
    if "hlg" in profile.lower() or "linear" in profile.lower():
        raise UserError(f"{path} has the {profile}, not PQ; write it as 16-bit PQ with cICP")


def _read_float(path: Path, info: "MediaInfo") -> np.ndarray:
    from lumaflux.media.stills.probe import damaged, open_picture

    with open_picture(path) as (source, _):
        pixels = source.read_image(0, 0, 0, min(source.spec().nchannels, 3), "float")
        if pixels is None:
            raise damaged(path, source.geterror())
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise UserError(f"{path} has no three channels; HDR pictures are compared as R'G'B'")
    bad = int(np.count_nonzero(~np.isfinite(pixels).all(axis=2)))
    if bad:
        raise UserError(f"{path} holds NaN or infinite values in {bad} of {pixels.shape[0] * pixels.shape[1]} pixels")
    if pixels.min() < 0 or pixels.max() > 1:
        raise UserError(
            f"{path} holds values from {pixels.min():.4g} to {pixels.max():.4g}; PQ signals lie between 0 and 1, it "
            "seems to be linear light"
        )
    return info.orientation.apply(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)))


def read_sdr(path: Path) -> Tensor:
    """An SDR picture -> [1,3,H,W] float32 in [0,1], as it is coded."""
    from lumaflux.media.stills.picture import read_still
    from lumaflux.media.video.source import check_file

    return torch.from_numpy(read_still(check_file(path)).sdr)[None]
