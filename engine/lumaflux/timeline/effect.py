"""Finds the effect "LumaFlux ITM" on the clips of a timeline, in the shapes in which editors write effects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EFFECT = "LumaFlux ITM"
_SPELLINGS = ("lumafluxitm", "orglumafluxitm")
_HOLDERS = ("lumaflux", "LumaFlux", EFFECT, "parameters", "Parameters")


@dataclass(frozen=True, kw_only=True)
class Look:
    """The effect as found: its values by parameter name, as hosts wrote them; ``animated`` ones change over time."""

    values: dict[str, Any]
    animated: tuple[str, ...] = ()
    enabled: bool = True
    notes: tuple[str, ...] = ()


def look_of(items: Iterable[Any]) -> Look | None:
    """The effect of the innermost of ``items`` (a clip, then what it is nested in) that carries it, or None."""
    for depth, item in enumerate(items):
        effects = list(getattr(item, "effects", ()))
        for place, effect in enumerate(effects):
            if is_lumaflux(effect):
                return _look(item, effect, effects[:place], depth > 0)
    return None


def is_lumaflux(effect: Any) -> bool:
    """By the effect's name or effect_name, or by the name in the host's metadata (Resolve_OTIO: "Effect Name")."""
    names = [getattr(effect, "name", None), getattr(effect, "effect_name", None)]  # of unknown schemas neither
    for holder in _tables(getattr(effect, "metadata", None)):
        names += [holder.get("Effect Name"), holder.get("Name"), holder.get("effect_name")]
    return any(isinstance(name, str) and _spelling(name) in _SPELLINGS for name in names)


def _label(effect: Any) -> str:
    return getattr(effect, "effect_name", "") or getattr(effect, "name", "") or effect.schema_name()


def _spelling(name: str) -> str:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return plain.removeprefix("ofx").removeprefix("openfx")


def _look(item: Any, effect: Any, before: list[Any], inherited: bool) -> Look:
    notes = []
    if inherited:
        label = item.name or type(item).__name__.lower()
        notes.append(f"the effect lies on '{label}' around it, and is applied to the clip itself")
    others = [_label(other) for other in before if not hasattr(other, "time_scalar")]
    if others:
        notes.append(f"{', '.join(others)} came before the effect, and will now act on HDR")
    values, animated, enabled = {}, set(), getattr(effect, "enabled", True)
    for table in _tables(effect.metadata):
        enabled = enabled and bool(table.get("Enabled", table.get("enabled", True)))
        values.update(_scalars(table))
        for name in _HOLDERS:
            values.update(_parameters(table.get(name)))
            animated.update(_animated(table.get(name)))
    return Look(values=values, animated=tuple(sorted(animated)), enabled=enabled, notes=tuple(notes))


def _tables(metadata: Any) -> list[Mapping]:
    """An effect's metadata, and the tables that hosts and tools keep in it under their own name."""
    top = dict(metadata.items()) if hasattr(metadata, "items") else {}
    return [top, *(value for value in top.values() if hasattr(value, "items"))]


def _scalars(table: Mapping) -> dict[str, Any]:
    return {name: value for name, value in table.items() if isinstance(value, (bool, int, float, str))}


def _parameters(kept: Any) -> dict[str, Any]:
    """A table by name, or Resolve's list of {"Parameter ID", "Parameter Value", "Key Frames"}."""
    if hasattr(kept, "items"):
        return _scalars(kept)
    return {
        entry["Parameter ID"]: entry.get("Parameter Value", entry.get("Default Parameter Value"))
        for entry in _listed(kept)
    }


def _animated(kept: Any) -> set[str]:
    """Key frames at one time only are a constant."""
    return {entry["Parameter ID"] for entry in _listed(kept) if len(entry.get("Key Frames") or ()) > 1}


def _listed(kept: Any) -> list[Any]:
    if kept is None or isinstance(kept, str) or hasattr(kept, "items") or not hasattr(kept, "__iter__"):
        return []
    return [entry for entry in kept if hasattr(entry, "get") and isinstance(entry.get("Parameter ID"), str)]
