"""What a farm is asked to render, and the file that travels with a job: neither where the input lies nor where the
frames go."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.inference.backbones import is_release
from lumaflux.model.presets import HUB_BACKBONES
from lumaflux.options import NO_TRACK, FarmOptions, part
from lumaflux.settings import Settings

_PATHS = ("adapters", "look", "backbone", "engine", "match", "mask", "matte")
_NONE = "none"  # an engine, a track


@dataclass(frozen=True, kw_only=True)
class JobSpec(FarmOptions):
    """``source``: a clip, or a sequence by its name."""

    source: Path
    settings: Settings = field(default_factory=Settings)


def job_spec(source: Path, settings: Settings, options: FarmOptions) -> JobSpec:
    """Raises UserError where nodes could take different memory plans, whose pixels differ."""
    published = options.model in HUB_BACKBONES or is_release(Path(options.model))
    if published and options.vram == "auto" and options.precision is None:
        raise UserError(
            f"nodes of a farm may differ in what is free on their GPUs, and {options.model} would in its pixels; "
            "name --vram GIB, which all of them have, or --precision bf16"
        )
    return part(JobSpec, options, source=source, settings=settings)


def spec_text(spec: JobSpec) -> str:
    """JSON of what was chosen; of a sequence also its naming, since farms hand over the folder."""
    chosen = {f.name: getattr(spec, f.name) for f in fields(FarmOptions) if getattr(spec, f.name) != f.default}
    whole: dict[str, Any] = {"model": spec.model, **chosen}
    for name in _PATHS:
        if name in whole:
            whole[name] = _NONE if str(whole[name]) == _NONE else str(Path(whole[name]).resolve())
    if spec.track not in (None, NO_TRACK):
        whole["track"] = str(Path(spec.track).resolve())
    if spec.ocio is not None and Path(spec.ocio).is_file():
        whole["ocio"] = str(Path(spec.ocio).resolve())
    if "%" in spec.source.name:
        whole["naming"] = spec.source.name
    return json.dumps(whole | {"settings": asdict(spec.settings)}, indent=1)


def read_spec(path: Path, source: Path) -> JobSpec:
    """``source``: the input on this machine. Raises UserError for what :func:`spec_text` did not write."""
    try:
        whole = json.loads(path.read_text("utf-8"))
        naming = whole.pop("naming", None)
        whole |= {name: Path(whole[name]) for name in _PATHS if whole.get(name) is not None}
        return JobSpec(
            source=source / naming if naming else source,
            settings=Settings(**whole.pop("settings")),
            **whole,
        )
    except OSError as error:
        raise UserError(f"the job {path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is no job of this version ({error}); write it anew by lumaflux farm job.") from None
