"""The effect's parameters: the settings of every door, and what only an effect has. Source of the bundle's JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from lumaflux.errors import UserError
from lumaflux.service.own_controls import GROUPS, OF_MODEL, PIPELINE, STATUS, TEMPORAL
from lumaflux.settings import Settings, choices, controls

VERSION = 1  # of the JSON's shape
MODELS = {"lite": "Lite"}  # what every installation has; `plugin install --model` adds directories
# Hosts split labels at a slash (Nuke makes submenus), and hyphens are trouble in some.
INPUT_SPACES = {
    "bt709-bt1886": "BT.709 gamma 2.4 (BT.1886)",
    "srgb": "sRGB",
    "linear-bt709": "Linear BT.709 (Nuke, Natron)",
    "linear-bt2020": "Linear BT.2020",
    "acescg": "ACEScg",
    "aces2065-1": "ACES2065 1",
    "davinci-intermediate": "DaVinci Wide Gamut Intermediate",
    "acescct": "ACEScct",
}
OUTPUT_SPACES = {
    "pq-bt2020": "PQ BT.2020",
    "hlg-bt2020": "HLG BT.2020",
    "linear-bt2020": "Linear BT.2020",
    "acescg": "ACEScg",
    "aces2065-1": "ACES2065 1",
    "linear-bt709": "Linear BT.709 (Nuke, Natron)",
    "pq-p3d65": "PQ P3 D65",
    "davinci-intermediate": "DaVinci Wide Gamut Intermediate",
}  # new ones at the end: hosts keep a choice's index
LINEAR = frozenset({"linear-bt2020", "linear-bt709", "acescg", "aces2065-1"})  # light above white is above 1
FROM_HOST = "host"  # an input space that the effect resolves before the engine hears of it
# Names that a host of OpenFX 1.5 gives a clip (ofx-native-v1.5), by what they are here.
INPUT_COLOURSPACES = {
    "rec1886_rec709_display": "bt709-bt1886",
    "g24_rec709_tx": "bt709-bt1886",
    "ofx_display_sdr": "bt709-bt1886",
    "srgb_display": "srgb",
    "srgb_tx": "srgb",
    "lin_rec709_srgb": "linear-bt709",
    "lin_rec2020": "linear-bt2020",
    "ACEScg": "acescg",
    "ACES2065-1": "aces2065-1",
    "davinci_intermediate_widegamut": "davinci-intermediate",
    "ACEScct": "acescct",
}
OUTPUT_COLOURSPACES = {
    "rec2100_pq_display": "pq-bt2020",
    "rec2100_hlg_display": "hlg-bt2020",
    "st2084_p3d65_display": "pq-p3d65",
    "lin_rec2020": "linear-bt2020",
    "lin_rec709_srgb": "linear-bt709",
    "ACEScg": "acescg",
    "ACES2065-1": "aces2065-1",
    "davinci_intermediate_widegamut": "davinci-intermediate",
}
VIEWS = {
    "result": "Result",
    "split": "Split: source left, result right",
    "false-colour": "False colour of nits",
    "gain-map": "Gain map",
    "clipped": "Clipped areas",
    "confidence": "Truth matte: measured, extended, invented",
}
_DISPLAY = {"steps": (0, 20), "seed": (0, 1000)}  # where a slider over the whole range would be of no use


@dataclass(frozen=True, kw_only=True)
class RenderParameters:
    """What one frame is rendered with. Raises UserError for an unknown space or view; Settings check themselves.

    ``tone_track`` is a file, "" for none; at the host's frame ``track_start`` stands the track's first, and
    ``host_frame`` is the one to render. A track that was not made of ``source_file`` is refused, if that is there.
    """

    settings: Settings = field(default_factory=Settings)
    model: str = "lite"
    input_space: str = "bt709-bt1886"
    output_space: str = "pq-bt2020"
    view: str = "result"
    bypass: bool = False
    tone_track: str = ""
    track_start: int = 0
    source_file: str = ""
    host_frame: int = 0

    def __post_init__(self) -> None:
        for name, known in (("input_space", INPUT_SPACES), ("output_space", OUTPUT_SPACES), ("view", VIEWS)):
            value = getattr(self, name)
            if value not in known:
                raise UserError(f"{name} is '{value}'; choose one of {', '.join(known)}")
        if not self.model:
            raise UserError("model is empty; name lite or a model directory")


def parse_parameters(values: Mapping[str, Any]) -> RenderParameters:
    """Values by name, as the protocol carries them, strictly typed; what is left out has its default.

    Raises UserError for an unknown name, a wrong type or a value out of range.
    """
    model = _parameters_model()
    try:
        typed = model.model_validate(dict(values)).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UserError(f"unknown parameter '{name}'; the engine knows {', '.join(model.model_fields)}") from None
        kind = type(model.model_fields[name].default).__name__
        raise UserError(
            f"parameter {name} must be of the type {kind}, but is {type(first['input']).__name__}"
        ) from None
    look = {name: typed.pop(name) for name in (*controls(), *choices()) if name in typed}
    return RenderParameters(settings=Settings(**look), **typed)


@cache
def _parameters_model() -> type[BaseModel]:
    """The settings and what only an effect has, side by side, each of its default's type."""
    own = {f.name: f.default for f in fields(RenderParameters) if f.name != "settings"}
    defaults = {**{name: getattr(Settings(), name) for name in (*controls(), *choices())}, **own}
    typed: dict[str, Any] = {name: (type(default), default) for name, default in defaults.items()}
    return create_model(
        "Parameters", __config__=ConfigDict(strict=True, extra="forbid", protected_namespaces=()), **typed
    )


def parameters_json(models: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The description that the effect builds its controls from: {"version", "groups", "parameters"}.

    ``models``: label by name or directory, shown after the model that ships. Hosts store the index of a choice, so
    the effect keeps the name beside it. What is ``secret`` or ``own``, a ``label`` or a ``text`` is the effect's own:
    the engine never hears of it.
    """
    return {
        "version": VERSION,
        "groups": [{"name": name, "label": label} for label, name in GROUPS.items()],
        "parameters": [
            PIPELINE,
            _input_space(),
            _choice("output_space", "Output space", "What the pixels become that the host gets back.", OUTPUT_SPACES)
            | {"colourspaces": OUTPUT_COLOURSPACES},
            _choice("view", "View", "The result, or a picture that explains it.", VIEWS),
            _bypass(),
            *_settings(),
            *TEMPORAL,
            _choice("model", "Model", "The weights that render.", {**MODELS, **(models or {})}, group="Model")
            | {"animates": False},
            *OF_MODEL,
            *STATUS,
        ],
    }


def write_parameters(target: Path, models: Mapping[str, str] | None = None) -> None:
    """Writes :func:`parameters_json` as the bundle's Resources/parameters.json, whole or not at all."""
    from lumaflux.media.atomic_file import AtomicFile

    with AtomicFile(target, overwrite=True) as file:
        file.partial.write_text(json.dumps(parameters_json(models), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _choice(
    name: str, label: str, hint: str, values: Mapping[str, str], group: str = "Colour", default: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "hint": hint,
        "type": "choice",
        "default": getattr(RenderParameters(), name) if default is None else default,
        "choices": list(values.values()),
        "values": list(values),
        "group": GROUPS[group],
    }


def _input_space() -> dict[str, Any]:
    values = {FROM_HOST: "From the host, else BT.709 gamma 2.4", **INPUT_SPACES}
    described = _choice("input_space", "Input space", "What the pixels are that the host hands over.", values)
    return described | {"default": FROM_HOST, "colourspaces": INPUT_COLOURSPACES}


def _bypass() -> dict[str, Any]:
    hint = "Hand the source on as it is."
    return {
        "name": "bypass",
        "label": "Bypass",
        "hint": hint,
        "type": "boolean",
        "default": False,
        "group": GROUPS["Colour"],
    }


def _settings() -> list[dict[str, Any]]:
    described = []
    for name, control in controls().items():
        default = getattr(Settings(), name)
        whole = isinstance(default, int)
        low, high = (int(control.low), int(control.high)) if whole else (control.low, control.high)
        shown = _DISPLAY.get(name, (low, high))
        unit = "" if control.unit in ("ratio", "integer") else f" ({control.unit})"
        described.append(
            {
                "name": name,
                "label": control.label,
                "hint": control.help + unit,
                "type": "int" if whole else "double",
                "default": default,
                "min": low,
                "max": high,
                "display_min": shown[0],
                "display_max": shown[1],
                "group": GROUPS[control.group],
            }
        )
    for name, choice in choices().items():
        default = getattr(Settings(), name)
        described.append(_choice(name, choice.label, choice.help, choice.values, choice.group, default))
    return described
