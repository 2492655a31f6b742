"""Fills a module that has no memory yet (torch's meta device) from files: each weight straight to its place.

Host memory holds, beside what stays there, one weight and what is mapped of a file: at most ``_MAPPED`` bytes of it.
Everything that headers can say is checked before the first weight is read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.model.fp8_linear import Fp8Linear
from lumaflux.model.original_names import SWAPPED, Names
from lumaflux.model.weight_files import Stored, is_lora, opened

_MAPPED = 128 << 20  # bytes of a file that are mapped at a time: a file's pages count as memory while they are
SCALES = (".scale_weight", ".weight_scale")  # of an fp8 matrix, beside it: one number, or one an output channel
_LEFT_OUT = (".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")  # of activations, and markers
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}

Place = Callable[[str], tuple[torch.device, torch.dtype]]  # a weight's name -> where it goes, and in which type


@dataclass(frozen=True, kw_only=True)
class _Move:
    """One tensor of a file, the weights whose rows it holds one after another, and the scale that belongs to it."""

    key: str
    stored: Stored
    targets: tuple[str, ...]
    scale: tuple[str, Stored] | None


def stream_weights(
    module: nn.Module,
    found: dict[str, Stored],
    place: Place,
    where: str,
    *,
    names: Names | None = None,
    prefix: str = "",
) -> None:
    """Gives every parameter and buffer of ``module`` its weight from ``found``, as ``contents`` lists it.

    ``names``: how the file's keys are called in the module, if not the same. ``prefix``: what the file has before them.
    Raises UserError, before anything is read, for weights that are missing, unknown or of another shape; and for values
    that are not finite.
    """
    owners = _owners(module)
    moves = _planned(found, {name: _shape(*owner) for name, owner in owners.items()}, names, where)
    for batch in _batches(moves):
        with opened(batch[0].stored.path) as file:
            for move in batch:
                _move(file, move, owners, place, prefix, where)


def _owners(module: nn.Module) -> dict[str, tuple[nn.Module, str]]:
    """Name -> the module that holds it and its name there, of everything that files store."""
    owners: dict[str, tuple[nn.Module, str]] = {}
    for path, child in module.named_modules():
        hidden = child._non_persistent_buffers_set | ({"exponent"} if isinstance(child, Fp8Linear) else set())
        for name in [*child._parameters, *child._buffers]:
            if getattr(child, name) is not None and name not in hidden:
                owners[f"{path}.{name}".lstrip(".")] = child, name
    return owners


def _shape(owner: nn.Module, name: str) -> tuple[int, ...]:
    return tuple(getattr(owner, name).shape)


def _planned(
    found: dict[str, Stored], expected: dict[str, tuple[int, ...]], names: Names | None, where: str
) -> list[_Move]:
    if is_lora(set(found)):
        raise UserError(f"{where} is a LoRA, which changes a model but holds none; name the model's own weights")
    moves, given = [], set()
    for key, stored in found.items():
        if key.endswith((*SCALES, *_LEFT_OUT)):
            continue
        targets = names(key) if names else (key,)
        if not targets or not all(target in expected for target in targets):
            raise UserError(f"{where} has the weight '{key}', which this model has not; is it another model's file?")
        _check_shape(key, stored, [expected[target] for target in targets], where)
        scale = next(((key.removesuffix(".weight") + end) for end in SCALES if _scale(key, end) in found), None)
        moves.append(
            _Move(key=key, stored=stored, targets=targets, scale=None if scale is None else (scale, found[scale]))
        )
        given |= set(targets)
    if missing := sorted(set(expected) - given):
        raise UserError(
            f"{where} lacks {len(missing)} of the model's {len(expected)} weights, such as '{missing[0]}'; "
            "it is another model's file, or not whole"
        )
    return moves


def _scale(key: str, end: str) -> str:
    return key.removesuffix(".weight") + end


def _check_shape(key: str, stored: Stored, targets: list[tuple[int, ...]], where: str) -> None:
    rows = sum(shape[0] for shape in targets) if targets[0] else 0
    needed = (rows, *targets[0][1:]) if targets[0] else ()
    shape = stored.shape
    if len(shape) == 4 and len(needed) == 2 and shape[2:] == (1, 1):  # a 1x1 convolution that is a matrix here
        shape = shape[:2]
    if shape != needed:
        raise UserError(f"{where}: '{key}' has shape {stored.shape}, this model needs {needed}; is it another model's?")


def _batches(moves: list[_Move]) -> Iterator[list[_Move]]:
    """Moves of one file each, in its order, of together no more than is mapped at a time."""
    batch: list[_Move] = []
    size = 0
    for move in sorted(moves, key=lambda each: str(each.stored.path)):
        bytes_of = _BYTES.get(move.stored.type, 4)
        for side in move.stored.shape:
            bytes_of *= side
        if batch and (batch[0].stored.path != move.stored.path or size + bytes_of > _MAPPED):
            yield batch
            batch, size = [], 0
        batch.append(move)
        size += bytes_of
    if batch:
        yield batch


def _move(
    file, move: _Move, owners: dict[str, tuple[nn.Module, str]], place: Place, prefix: str, where: str
) -> None:  # `file` as safetensors opens it
    tensor: Tensor = file.get_tensor(prefix + move.key)
    scale = None
    if move.scale is not None:
        with opened(move.scale[1].path) as other:
            scale = other.get_tensor(prefix + move.scale[0]).float()
    if move.key.startswith(SWAPPED):
        tensor = torch.cat(tensor.chunk(2)[::-1])
    row = 0
    for target in move.targets:
        owner, name = owners[target]
        shape = _shape(owner, name)
        rows = tensor[row : row + shape[0]] if shape else tensor
        row += shape[0] if shape else 0
        _put(owner, name, rows.reshape(shape), _rows_of(scale, row, shape), *place(target), f"{where}: '{move.key}'")


def _rows_of(scale: Tensor | None, end: int, shape: tuple[int, ...]) -> Tensor | None:
    if scale is None or scale.numel() == 1:
        return scale
    return scale.reshape(-1, 1)[end - shape[0] : end]


def _put(
    owner: nn.Module,
    name: str,
    value: Tensor,
    scale: Tensor | None,
    device: torch.device,
    dtype: torch.dtype,
    where: str,
) -> None:
    if not value.is_floating_point():
        dtype = value.dtype
    held = torch.empty(value.shape, device=device, dtype=dtype if scale is None else torch.float32)
    held.copy_(value)  # a copy also where nothing changes: what is mapped must not stay
    if scale is not None:
        held = held.mul_(scale.to(device)).to(dtype)
    if held.is_floating_point() and held.numel() and not torch.isfinite(torch.stack(held.aminmax())).all():
        raise UserError(f"{where} holds NaN or infinite values; the file is damaged, fetch it again")
    if isinstance(owner, Fp8Linear) and name == "weight":
        owner.set_weight(held)
    elif name in owner._parameters:
        owner._parameters[name] = nn.Parameter(held, requires_grad=False)
    else:
        owner._buffers[name] = held
