"""Static HDR metadata that a user states instead of having it measured: ``--hdr-metadata FILE``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lumaflux.color.primaries import BT709, BT2020, P3_D65, Primaries
from lumaflux.errors import UserError
from lumaflux.media.metadata.mastering import ContentLight, MasteringDisplay

_NAMED = {"bt2020": BT2020, "p3-d65": P3_D65, "bt709": BT709}


@dataclass(frozen=True, kw_only=True)
class HdrMetadata:
    """None where the file does not say: then the display is the target peak's, and the levels are measured."""

    display: MasteringDisplay | None = None
    light: ContentLight | None = None


class _Display(BaseModel):
    model_config = ConfigDict(extra="forbid")
    primaries: str | dict[str, tuple[float, float]] = "bt2020"
    max_nits: Annotated[float, Field(gt=0, le=10000)]
    min_nits: Annotated[float, Field(ge=0, lt=10)] = 0.0001

    def display(self) -> MasteringDisplay:
        primaries = _NAMED[self.primaries] if isinstance(self.primaries, str) else Primaries(**self.primaries)
        return MasteringDisplay(primaries=primaries, max_nits=self.max_nits, min_nits=self.min_nits)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mastering_display: _Display | None = None
    max_cll: Annotated[int, Field(ge=1, le=65535)] | None = None
    max_fall: Annotated[int, Field(ge=1, le=65535)] | None = None


def read_hdr_metadata(path: Path) -> HdrMetadata:
    """Of a JSON file {"mastering_display": {"primaries", "max_nits", "min_nits"}, "max_cll", "max_fall"}, or as
    another HDR clip or picture states them.

    ``primaries`` is bt2020, p3-d65, bt709 or {"red": [x, y], "green", "blue", "white"}; ``max_cll`` and ``max_fall``
    go together. Raises UserError for a file that says nothing of the kind.
    """
    if path.suffix.lower() != ".json":
        from lumaflux.media.metadata.info import probe

        info = probe(path)
        if info.mastering_display is None and info.content_light is None:
            raise UserError(f"{path} states no HDR metadata; name a file that does, or let it be measured (auto)")
        return HdrMetadata(display=info.mastering_display, light=info.content_light)
    try:
        stated = _File.model_validate_json(path.read_bytes())
        display = stated.mastering_display and stated.mastering_display.display()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the name") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise UserError(f"{path} is no HDR metadata: {where}: {first['msg']}") from None
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: primaries are {', '.join(_NAMED)} or red, green, blue and white points") from None
    if (stated.max_cll is None) != (stated.max_fall is None):
        raise UserError(f"{path} states one of max_cll and max_fall; state both, or neither to have them measured")
    if stated.mastering_display is None and stated.max_cll is None:
        raise UserError(f"{path} states no HDR metadata; name a file that does, or let it be measured (auto)")
    light = None
    if stated.max_cll is not None and stated.max_fall is not None:
        if stated.max_fall > stated.max_cll:
            raise UserError(f"{path} states a max_fall of {stated.max_fall} above its max_cll of {stated.max_cll}")
        light = ContentLight(max_cll=stated.max_cll, max_fall=stated.max_fall)
    return HdrMetadata(display=display, light=light)
