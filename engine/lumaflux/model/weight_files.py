"""Where the weights of one frozen part lie: shards that an index lists, or one file. Headers are read, no weights."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lumaflux.errors import UserError
from lumaflux.model.regular_file import check_regular, read_regular

_INDEX = "*.safetensors.index.json"
_LARGEST_INDEX = 64 << 20  # bytes
_LORA = (".lora_A.", ".lora_B.", ".lora_down.", ".lora_up.", "lora_unet_", ".lora.down.", ".lora.up.")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One tensor of a file, by what the file's header says. ``type`` as safetensors names it: BF16, F8_E4M3."""

    path: Path
    shape: tuple[int, ...]
    type: str


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file, mapped. Raises UserError for what is missing, cut short or no such file."""
    check_regular(path)
    try:
        with safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"the weights file {path} is missing") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is cut short or no safetensors file ({error}); fetch it again") from None


def shards(folder: Path) -> list[Path]:
    """The files of a part's folder. Raises UserError where there is none, one is missing or several could be meant."""
    indices = sorted(folder.glob(_INDEX))
    if not indices:
        found = sorted(folder.glob("*.safetensors"))
        if not found:
            raise UserError(f"{folder} holds no weights: a .safetensors file, or shards with their .index.json")
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise UserError(f"{folder} holds {names} without an index that says which belong together; keep one")
        return found
    if len(indices) > 1:
        raise UserError(f"{folder} has several indices, such as {indices[0].name} and {indices[1].name}; keep one")
    try:
        names = sorted(set(json.loads(read_regular(indices[0], _LARGEST_INDEX))["weight_map"].values()))
        paths = [folder / str(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{indices[0]} is no index of shards ({error}); fetch it again") from None
    if outside := [name for name in names if Path(name).name != name]:
        raise UserError(f"{indices[0]} names '{outside[0]}', which is not a file of its folder; fetch it again")
    if missing := [path.name for path in paths if not path.exists()]:
        raise UserError(
            f"{folder} lacks {len(missing)} of {len(paths)} files of its index, such as {missing[0]}; fetch them"
        )
    return paths


def contents(paths: list[Path], prefix: str = "") -> dict[str, Stored]:
    """Key -> where it stands, of all keys that begin with ``prefix``, which they lose."""
    found: dict[str, Stored] = {}
    for path in paths:
        with opened(path) as file:
            for key in file.keys():  # noqa: SIM118 (no mapping)
                if not key.startswith(prefix):
                    continue
                entry, name = file.get_slice(key), key.removeprefix(prefix)
                if name in found:
                    raise UserError(f"'{name}' stands in {found[name].path.name} and in {path}; remove one of them")
                found[name] = Stored(path=path, shape=tuple(entry.get_shape()), type=entry.get_dtype())
    return found


def is_lora(keys: set[str]) -> bool:
    """Whether keys are those of a LoRA, which changes weights but holds none."""
    return any(mark in key for key in keys for mark in _LORA)
