"""A look: the last layer of the tone predictor, fitted to a studio's own pairs, in a small file with its provenance."""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.model.checkpoint import read_tensors
from lumaflux.model.tone_predictor import TonePredictor

FORMAT, VERSION = "lumaflux-look", "1"
TRAINED = ("head.weight", "head.bias", "line")  # names of TonePredictor's parameters that a look holds


def tone_digest(predictor: TonePredictor) -> str:
    """What tells one tone predictor from another: SHA-256 of its parameters."""
    found = hashlib.sha256()
    for name, tensor in sorted(predictor.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def write_look(path: Path, tensors: dict[str, Tensor], base: str, provenance: dict[str, Any]) -> None:
    """``tensors`` by ``TRAINED``; ``base``: the ``tone_digest`` that they were fitted over; ``provenance``: JSON."""
    metadata = {"format": FORMAT, "version": VERSION, "base": base, "provenance": json.dumps(provenance)}
    save_file({name: tensors[name].detach().cpu().contiguous() for name in TRAINED}, path, metadata)


def read_look(path: Path) -> tuple[dict[str, Tensor], str, dict[str, Any]]:
    """Tensors, base and provenance. Raises UserError for a file that is missing, damaged or no look."""
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("version") != VERSION or set(tensors) != set(TRAINED):
        raise UserError(f"{path} is no look of this version; make it by lumaflux learn")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise UserError(f"{path} holds NaN or infinite values; make it anew by lumaflux learn")
    return tensors, metadata.get("base", ""), _provenance(path, metadata.get("provenance", "{}"))


def _provenance(path: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged: what it says of its making is no JSON object; make it anew")
    return found


def take_look(predictor: TonePredictor | None, path: Path) -> None:
    """Puts a look into the tone predictor that it was fitted over. Raises UserError for a look of another one."""
    tensors, base, _ = read_look(path)
    if predictor is None:
        raise UserError(f"the model has no tone predictor that {path} could go into; leave --look out, or take lite")
    if base != tone_digest(predictor):
        raise UserError(f"the look {path} was learned over other weights; learn it anew over this model")
    parameters = dict(predictor.named_parameters())
    for name, tensor in tensors.items():
        if parameters[name].shape != tensor.shape:
            raise UserError(f"{path} is damaged: {name} has the shape {tuple(tensor.shape)}; make it anew")
        parameters[name].data.copy_(tensor)
