"""What `lumaflux doctor` says: versions, devices, codecs, what is missing and how to get it."""

import platform
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Literal

CORE = ("torch", "diffusers", "transformers", "safetensors", "numpy", "av", "OpenImageIO", "opencolorio")
_OF_THE_MODEL = ("torch", "diffusers", "transformers", "safetensors", "numpy")
ENCODERS = ("libx265", "libx264", "libsvtav1", "prores_ks", "ffv1")
DEVICE_ENCODERS = ("hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_videotoolbox")
DECODERS = ("h264", "hevc", "libdav1d", "vp9", "prores", "ffv1")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report. ``advice`` says how to mend what is not ``ok``."""

    subject: str
    detail: str
    ok: bool = True
    advice: str = ""


def examine() -> list[Finding]:
    """Looks at the installation; raises nothing."""
    return [
        Finding(subject="python", detail=f"{platform.python_version()} on {platform.platform()}"),
        *(_package(name) for name in CORE),
        _native(),
        *(_devices() if find_spec("torch") else []),  # which is named among the packages where it is missing
        *(_codecs() if find_spec("av") else []),
        *([_model(), _engine()] if all(map(find_spec, _OF_THE_MODEL)) else []),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(subject=name, detail=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(subject=name, detail="missing", ok=False, advice=f"pip install {name}")


def _native() -> Finding:
    if find_spec("lumaflux_native"):
        return Finding(subject="native paths", detail="built")
    advice = "optional: install g++ and reinstall lumaflux for faster encoding"
    return Finding(subject="native paths", detail="not built, NumPy in use", advice=advice)


def _devices() -> list[Finding]:
    from lumaflux.backends.device import list_devices

    found = [Finding(subject=f"device {name}", detail=detail) for name, detail in list_devices()]
    if found[0].subject == "device cpu":
        advice = "for a GPU: a torch build with CUDA or Metal, and its driver"
        return [*found, Finding(subject="gpu", detail="none that torch can use", advice=advice)]
    return found


def _codecs() -> list[Finding]:
    from av.codec.codec import Codec, UnknownCodecError

    def available(name: str, mode: Literal["r", "w"]) -> bool:
        try:
            Codec(name, mode)
        except (UnknownCodecError, ValueError):
            return False
        return True

    findings = []
    modes: tuple[tuple[Literal["r", "w"], str, tuple[str, ...]], ...] = (
        ("w", "encoders", ENCODERS),
        ("r", "decoders", DECODERS),
    )
    for mode, kind, names in modes:
        missing = [name for name in names if not available(name, mode)]
        present = ", ".join(name for name in names if name not in missing)
        advice = f"missing {', '.join(missing)}: install the av wheel rather than a build of your own"
        findings.append(Finding(subject=kind, detail=present, ok=not missing, advice=advice if missing else ""))
    there = [name for name in DEVICE_ENCODERS if available(name, "w")]
    detail = f"built in: {', '.join(there) or 'none'}; whether a device is here shows when --encoder names it"
    return [*findings, Finding(subject="hardware encoders", detail=detail)]


def _model() -> Finding:
    from lumaflux.errors import UserError
    from lumaflux.inference.weights import LITE
    from lumaflux.model.checkpoint import load_model

    try:
        model = load_model(LITE)
    except UserError as error:
        return Finding(subject="model lite", detail=str(error), ok=False, advice="reinstall lumaflux")
    count = sum(parameter.numel() for parameter in model.parameters())
    return Finding(subject="model lite", detail=f"{count / 1e6:.1f} M parameters, sound")


def _engine() -> Finding:
    from lumaflux.inference.installed_engine import engine_for

    if (folder := engine_for(None, "lite")) is not None:
        return Finding(subject="engine lite", detail=f"onnxruntime renders by {folder}")
    advice = "optional, faster on a CPU: pip install 'lumaflux[export]', then python -m export build-engine"
    return Finding(subject="engine lite", detail="torch renders", advice=advice)
