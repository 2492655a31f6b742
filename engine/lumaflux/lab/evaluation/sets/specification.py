"""What a set consists of (YAML): sources, how they move, how they are rendered and encoded. Sets are built from it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.layouts.named import PAIRS, VIDEOS
from lumaflux.lab.data.x264_clip import CRF

SPECS = Path(__file__).parent / "specs"

Range = tuple[float, float]
Size = tuple[Annotated[int, Field(gt=1)], Annotated[int, Field(gt=1)]]  # width, height
Split = Literal["train", "validation", "test"]
Content = Literal["pgc", "ugc"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _even(size: Size | None) -> Size | None:
    if size is not None and (size[0] % 2 or size[1] % 2):
        raise ValueError(f"{size[0]}x{size[1]} has an odd side, which 4:2:0 cannot carry")
    return size


def _known(name: str, there: Iterable[str], kind: str) -> str:
    if name not in there:
        raise ValueError(f"there is no {kind} '{name}'; there are {', '.join(there)}")
    return name


class _Source(_Strict):
    """``optional``: left out where its folder is not given, instead of being missed."""

    optional: bool = False


class _MovedSource(_Source):
    """``views``: clips of ``size`` (width, height) a picture, each by a camera that moves in it."""

    collections: tuple[str, ...]
    size: Size
    views: int = Field(gt=0)
    content: Content = "pgc"

    _size = field_validator("size")(_even)


class PanoramaSource(_MovedSource):
    """Camera moves in panoramas: ``fov`` and ``turn`` (over the clip) in degrees."""

    kind: Literal["panorama"]
    fov: Range = (75.0, 90.0)
    turn: Range = (3.0, 8.0)


class StillSource(_MovedSource):
    """Moves over scene-referred stills: ``window`` in shares of the picture, ``pan`` in windows, ``zoom`` a factor."""

    kind: Literal["still"]
    window: Range = (0.6, 0.8)
    pan: Range = (0.05, 0.12)
    zoom: Range = (1.0, 1.08)


class GainMapSource(_Source):
    """Photographs with gain maps as they come, one picture each, below HDR_DIR."""

    kind: Literal["gain-map"]
    folder: str
    within: Size
    licence: str
    content: Content = "ugc"


class _RecordedSource(_Source):
    """``starts``: the first frame of each stretch, of which every ``stride``-th is taken; ``within``: a size (width,
    height) that larger frames are reduced to."""

    within: Size | None = None
    starts: tuple[int, ...] = (0,)
    stride: int = Field(default=1, gt=0)

    _size = field_validator("within")(_even)


class FileSource(_RecordedSource):
    """One HDR video below HDR_DIR, rendered."""

    kind: Literal["file"]
    path: str
    scene: str
    licence: str
    content: Content


class VideoSource(_RecordedSource):
    """HDR videos of a published collection, rendered: one of each scene of the split (see lumaflux.lab.data.scenes).

    ``scenes``: how many there must be.
    """

    kind: Literal["video"]
    collection: str
    scenes: int = Field(gt=0)

    _collection = field_validator("collection")(lambda name: _known(name, VIDEOS, "collection of videos"))


class PairSource(_RecordedSource):
    """Pairs of a published collection as they come; ``within`` bounds video pairs only, pictures keep their codes."""

    kind: Literal["pairs"]
    collection: str

    _collection = field_validator("collection")(lambda name: _known(name, PAIRS, "collection of pairs"))


Source = Annotated[
    PanoramaSource | StillSource | GainMapSource | FileSource | VideoSource | PairSource, Field(discriminator="kind")
]


class Renderings(_Strict):
    """Every operator at its standard parameters, then x264 at every CRF."""

    operators: tuple[str, ...] = tuple(OPERATORS)
    crf: tuple[Annotated[int, Field(ge=0, le=51)], ...] = CRF
    preset: str = "medium"

    _operators = field_validator("operators")(
        lambda names: tuple(_known(name, OPERATORS, "operator") for name in names)
    )


class Specification(_Strict):
    """``frames`` a clip, ``frame_rate`` of what is moved by a camera (videos keep theirs)."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    split: Split
    seed: int = 0
    frames: int = Field(gt=0)
    frame_rate: int = Field(default=25, gt=0)
    renderings: Renderings = Renderings()
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _not_empty(self) -> "Specification":
        if not self.sources:
            raise ValueError("it names no source")
        return self


def named_specifications() -> list[str]:
    """The names of the committed specifications."""
    return sorted(path.stem for path in SPECS.glob("*.yaml"))


def read_specification(name_or_path: str | Path) -> Specification:
    """A committed specification by name, or any by the path of its YAML file. Raises UserError when it is not sound."""
    committed = SPECS / f"{name_or_path}.yaml"
    path = committed if committed.is_file() else Path(name_or_path)
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(
            f"the specification {name_or_path} cannot be read ({error.strerror}); name one of "
            f"{', '.join(named_specifications())}, or a YAML file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(
            f"{path} is no YAML; see the specifications in engine/lumaflux/lab/evaluation/sets/specs"
        ) from None
    try:
        return Specification.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its top level"
        raise UserError(f"{path} is not a sound specification: {first['msg']} at {where}") from None
