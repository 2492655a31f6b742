"""The engine bundle that evaluates a model on the CPU without being named: where `build-engine` puts it if told no
directory. onnxruntime is faster there than torch (docs/engines.md)."""

import importlib.util
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from lumaflux.errors import UserError
from lumaflux.inference.weights import NO_ENGINE, weight_digests
from lumaflux.options import ModelOptions

Asked = TypeVar("Asked", bound=ModelOptions)
log = logging.getLogger(__name__)


def installed_folder(model_sha256: str, adapters_sha256: str) -> Path:
    """The place of these weights' bundle, below LUMAFLUX_ENGINES or the user's data directory (XDG).

    Raises UserError where the user has no home, as in many containers, and neither is named.
    """
    named, data = os.environ.get("LUMAFLUX_ENGINES"), os.environ.get("XDG_DATA_HOME")
    if not named and not data:
        try:
            data = Path.home() / ".local" / "share"
        except RuntimeError:
            raise UserError("this user has no home directory; set LUMAFLUX_ENGINES to one for engines") from None
    root = named or Path(str(data)) / "lumaflux" / "engines"
    return Path(root) / f"cpu-fp32-{model_sha256[:8]}-{adapters_sha256[:8]}"


def engine_for(
    named: Path | None,
    model: str,
    adapters: Path | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Path | None:
    """The bundle to load: the one named (``none`` names torch), else the one installed for this model, if it is whole.

    Only the CPU in fp32 has installed ones. One that does not fit is left out with a warning: torch can do its work.
    Raises UserError for a named one that is no bundle.
    """
    if named is not None:
        if str(named) == NO_ENGINE:
            return None
        from lumaflux.backends.bundle import read_manifest

        read_manifest(named)
        return named
    if precision not in (None, "fp32"):
        return None
    model_sha256, adapters_sha256 = weight_digests(model, adapters)
    try:
        folder = installed_folder(model_sha256, adapters_sha256)
    except UserError:
        return None  # without a home nothing is installed
    if not folder.is_dir() or not _on_the_cpu(device):
        return None
    from lumaflux.backends.bundle import check_bundle, read_manifest

    try:
        check_bundle(folder, read_manifest(folder), model_sha256, adapters_sha256)
        if importlib.util.find_spec("onnxruntime") is None:
            raise UserError(f"the engine {folder} needs onnxruntime; install lumaflux[export]")
    except UserError as error:
        log.warning("%s; torch renders until then", error)
        return None
    return folder


def with_engine(options: Asked) -> Asked:
    """The options with the bundle that evaluates them, ``none`` for torch: what a job's identity is made of."""
    found = engine_for(options.engine, options.model, options.adapters, options.device, options.precision)
    return replace(options, engine=found or Path(NO_ENGINE))


def _on_the_cpu(device: str | None) -> bool:
    from lumaflux.backends.device import pick_device  # imports torch

    return pick_device(device).type == "cpu"
