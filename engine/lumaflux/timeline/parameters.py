"""What the effect on a clip was set to, as the engine's own parameters: hosts write indices, labels and doubles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lumaflux.errors import UserError
from lumaflux.service.parameters import FROM_HOST, RenderParameters, parameters_json, parse_parameters
from lumaflux.settings import Settings

_RENDERED_INPUTS = ("bt709-bt1886", "srgb", FROM_HOST)  # what media files hold; the others live in a host only


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """What one clip is rendered with; ``notes`` say what of the effect a file cannot carry."""

    settings: Settings
    model: str
    notes: tuple[str, ...] = ()


def clip_settings(values: Mapping[str, Any], model: str | None = None) -> ClipSettings | None:
    """``values`` as the host wrote them; None where the effect is bypassed. ``model`` stands above the effect's.

    Raises UserError for a value out of range, and for an input space that no media file holds.
    """
    described = {parameter["name"]: parameter for parameter in parameters_json()["parameters"]}
    known = {name: _plain(described[name], value) for name, value in values.items() if name in described}
    if known.pop("bypass", False):
        return None
    space = known.pop("input_space", FROM_HOST)
    if space not in _RENDERED_INPUTS:
        raise UserError(f"its effect reads {space}, which the host makes of the media; a file is read as BT.709")
    notes = []
    if known.pop("view", "result") != "result":
        notes.append("its view shows something else than the result; the result is rendered")
    if (output := known.pop("output_space", RenderParameters().output_space)) != "pq-bt2020":
        notes.append(f"its effect hands {output} to the host; the file is PQ BT.2020, and tagged so")
    parameters = parse_parameters(known)
    return ClipSettings(settings=parameters.settings, model=model or parameters.model, notes=tuple(notes))


def _plain(parameter: Mapping[str, Any], value: Any) -> Any:
    kind, name = parameter["type"], parameter["name"]
    try:
        if kind == "boolean":
            return value.strip().lower() in ("1", "true", "on") if isinstance(value, str) else bool(value)
        if kind == "choice":
            return _choice(parameter, value)
        number = float(value)
        if kind == "int" and number != int(number):
            raise ValueError
        return int(number) if kind == "int" else number
    except (TypeError, ValueError, IndexError):
        raise UserError(f"its effect's {name} is '{value}', which is no {kind}") from None


def _choice(parameter: Mapping[str, Any], value: Any) -> str:
    """An index (as hosts store choices), a label, or the value itself; models may also be directories."""
    if isinstance(value, (bool, list)):
        raise TypeError
    if isinstance(value, (int, float)):
        if value < 0 or value != int(value):
            raise IndexError
        return parameter["values"][int(value)]
    if value in parameter["choices"]:
        return parameter["values"][parameter["choices"].index(value)]
    if value not in parameter["values"] and parameter["name"] != "model":
        raise ValueError
    return value
