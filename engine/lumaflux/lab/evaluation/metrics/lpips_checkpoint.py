"""The weights of HDR-LPIPS from the checkpoints in which LPIPS is published: pickled state dictionaries of torch.

Two files hold them: torchvision's AlexNet (``features.N.weight``) and the linear heads of the package ``lpips``
(``weights/v0.1/alex.pth``: ``lin0.model.1.weight``); or one, the state of a whole ``lpips.LPIPS(net="alex")``
(``net.sliceK.N.weight``). Only tensors are unpickled: such a file can run no code.
"""

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.model.checkpoint import read_tensors
from lumaflux.model.regular_file import check_regular

# Index in torchvision's ``features``: [out, in, height, width]
CONVOLUTIONS = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
HEADS = tuple(shape[0] for shape in CONVOLUTIONS.values())
LICENCE = "AlexNet: BSD-3-Clause, torchvision; heads: BSD-2-Clause, Zhang et al. 2018"
_LAYER = re.compile(r"(?:net\.)?(?:features|slice\d)\.(\d+)\.(weight|bias)")
_HEAD = re.compile(r"lin(\d)\.(?:model\.1\.)?weight")


def convert_lpips(sources: list[Path], target: Path, *, overwrite: bool = False) -> None:
    """Writes what HdrLpips reads: ``features.*`` and ``lin0`` .. ``lin4``, float32, as safetensors.

    Raises UserError for a file that is missing or no such checkpoint, for layers of another network (VGG, SqueezeNet),
    for a layer that no file holds, for values that are not finite, and for a target that exists.
    """
    from safetensors.torch import save_file

    found: dict[str, Tensor] = {}
    for source in sources:
        for name, tensor in _read(source).items():
            if (own := _own_name(name)) is not None:
                found[own] = tensor.detach().float().contiguous()
    names = ", ".join(str(source) for source in sources)
    wanted = _expected()
    if lacking := [name for name in wanted if name not in found]:
        raise UserError(
            f"{names}: {lacking[0]} is missing; give torchvision's AlexNet and the weights/v0.1/alex.pth of lpips"
        )
    for name, shape in wanted.items():
        if tuple(found[name].shape) != shape:
            shown = "x".join(map(str, found[name].shape))
            raise UserError(f"{names}: {name} is {shown} and not {'x'.join(map(str, shape))}; HDR-LPIPS takes AlexNet")
        if not found[name].isfinite().all():
            raise UserError(f"{names}: {name} holds values that are not finite; fetch the file again")
    with AtomicFile(target, overwrite=overwrite, sources=tuple(sources)) as file:
        save_file({name: found[name] for name in wanted}, file.scratch, {"licence": LICENCE})
        file.partial.write_bytes(file.scratch.read_bytes())


def _expected() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (index, shape) in enumerate(CONVOLUTIONS.items()):
        shapes[f"features.{index}.weight"] = shape
        shapes[f"features.{index}.bias"] = shape[:1]
        shapes[f"lin{number}.model.1.weight"] = (1, HEADS[number], 1, 1)
    return shapes


def _own_name(name: str) -> str | None:
    if layer := _LAYER.fullmatch(name):
        return f"features.{layer[1]}.{layer[2]}"
    if head := _HEAD.fullmatch(name):
        return f"lin{head[1]}.model.1.weight"
    return None  # the classifier, the scaling, ``lins``, which holds the heads a second time


def _read(source: Path) -> dict[str, Tensor]:
    if source.suffix == ".safetensors":
        return read_tensors(source)[0]
    check_regular(source)
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"the weights file {source} is missing") from None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{source} is no checkpoint of tensors alone ({first}); fetch it again") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{source} is no state dictionary; save the network's state_dict()")
    return state
