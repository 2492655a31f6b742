"""Devices and precisions by name. The device named is the device used."""

import torch

from lumaflux.errors import UserError

FP8 = "fp8"  # matrices of a large transformer's blocks, and their products; everything else is in bf16
_ADA = (8, 9)  # compute capability that e4m3 products begin with
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def list_devices() -> list[tuple[str, str]]:
    """Name and description of every device that torch can use here, the preferred first."""
    devices = [(f"cuda:{index}", torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(("mps", "Apple GPU"))
    return [*devices, ("cpu", f"{torch.get_num_threads()} threads")]


def pick_device(name: str | None = None) -> torch.device:
    """The named device, or the first of ``list_devices``; raises UserError when it is not there."""
    names = [device for device, _ in list_devices()]
    wanted = "cuda:0" if name == "cuda" else name or names[0]
    if wanted not in names:
        raise UserError(f"device '{name}' is not available here; choose one of {', '.join(names)}")
    return torch.device(wanted)


def further_devices(names: str | None, first: torch.device) -> list[torch.device]:
    """The devices that ``names`` lists, by commas. Raises UserError for one that is not there, is named twice or is of
    another kind than ``first``: its pixels would differ in their last bits."""
    found = [pick_device(name.strip()) for name in (names or "").split(",") if name.strip()]
    for index, device in enumerate(found):
        if device.type != "cpu" and device in (first, *found[:index]):
            raise UserError(f"{device} is named twice in --device and --also-on; name each device once")
        if _kind(device) != _kind(first):
            raise UserError(f"{device} is another kind of device than {first}; name devices of one kind with --also-on")
    return found


def _kind(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def pick_dtype(name: str | None, device: torch.device) -> torch.dtype:
    """The named precision, by default fp32 on CPU and bf16 elsewhere; bf16 beside matrices in fp8.

    Raises UserError for one that cannot run.
    """
    if name is None:
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name == FP8:
        _check_fp8(device)
        return torch.bfloat16
    if name not in DTYPES:
        raise UserError(f"unknown precision '{name}'; choose one of {', '.join((*DTYPES, FP8))}")
    if name == "fp16" and device.type == "cpu":
        raise UserError("fp16 is not supported on the CPU; choose fp32 or bf16, or a GPU with --device")
    return DTYPES[name]


def _check_fp8(device: torch.device) -> None:
    """Raises UserError for a device that has no products in eight bits."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= _ADA:
        return
    if device.type != "cpu":
        raise UserError(
            f"{device} has no fp8 products, which begin with compute capability 8.9; leave --precision out: "
            "--vram then stores weights in fp8 where it must"
        )
