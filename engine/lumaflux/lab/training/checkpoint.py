"""Checkpoints of a run: parameters, their average, AdamW's moments and the step. safetensors and JSON, no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.model.checkpoint import write_tensors as write

CHECKPOINT = "checkpoint.safetensors"
_HOST = torch.device("cpu")  # where an AdamW that is not fused counts its steps
_STATE = ("exp_avg", "exp_avg_sq", "step")  # of AdamW; steps differ where some updates leave a parameter out


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Writes beside the target and renames, so that a killed run leaves the former file whole."""
    write({k: v.detach().contiguous().clone() for k, v in tensors.items()}, path, metadata)


def save_checkpoint(
    run: Path,
    step: int,
    parameters: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    fingerprint: str,
) -> None:
    """``fingerprint`` says which configuration the checkpoint belongs to."""
    tensors = {f"parameter/{k}": v for k, v in parameters.items()}
    tensors |= {f"average/{k}": v for k, v in average.items()}
    for name, parameter in parameters.items():
        state = optimizer.state.get(parameter, {})
        tensors |= {f"{part}/{name}": state[part] for part in _STATE if part in state}
    state = json.dumps({"step": step, "fingerprint": fingerprint})
    write_tensors(tensors, run / CHECKPOINT, {"run": state})  # one entry: safetensors writes several in any order


def updates_done(run: Path, fingerprint: str) -> int:
    """How far a run has come; 0 without a checkpoint of this configuration."""
    try:
        with safe_open(run / CHECKPOINT, "pt") as file:
            state = json.loads((file.metadata() or {}).get("run", "{}"))
    except (SafetensorError, OSError):
        return 0
    return int(state["step"]) if state.get("fingerprint") == fingerprint else 0


def resume(
    run: Path,
    parameters: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
    fingerprint: str,
) -> int:
    """Restores the state in place and returns the number of updates done; 0 where there is no checkpoint.

    Raises UserError when the checkpoint is damaged or belongs to another configuration.
    """
    path = run / CHECKPOINT
    if not path.exists():
        return 0
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {}).get("run", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"the checkpoint {path} is damaged ({error}); remove it to start again") from None
    if state.get("fingerprint") != fingerprint:
        raise UserError(f"the checkpoint {path} belongs to another configuration; use another run folder")
    step = int(state["step"])
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"parameter/{name}"])
            average[name].copy_(tensors[f"average/{name}"])
            if f"exp_avg/{name}" in tensors:
                fused = any(group.get("fused") or group.get("capturable") for group in optimizer.param_groups)
                optimizer.state[parameter] = {
                    part: _on(parameter.device if part != "step" or fused else _HOST, tensors[f"{part}/{name}"])
                    for part in _STATE
                }
    return step


def _on(device: torch.device, tensor: Tensor) -> Tensor:
    """A copy of ``tensor`` on ``device``: moments lie where their parameters do, whatever machine wrote them."""
    return tensor.to(device, copy=True)
