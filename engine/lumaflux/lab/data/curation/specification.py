"""What a corpus is made of: read from YAML; the numbers that make two runs end in the same bits."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lumaflux.errors import UserError
from lumaflux.lab.data.layouts.named import PAIRS, VIDEOS
from lumaflux.lab.data.x264_clip import CRF


class CorpusSpecification(BaseModel):
    """``frames`` are rendered and encoded together, ``kept`` of them enter the shard. Shares lie in [0,1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    seed: int = 1
    size: int = Field(256, ge=32, le=2048, multiple_of=2)  # pixels
    frames: int = Field(6, ge=1)
    kept: int = Field(2, ge=1)
    segments_per_panorama: int = Field(16, ge=0)
    segments_per_still: int = Field(8, ge=0)
    segments_per_video: int = Field(24, ge=0)
    crops_per_pair: int = Field(8, ge=0)
    renderings: int = Field(6, ge=1)  # of a segment
    outside: float = Field(0.45, ge=0, le=1)  # share of renderings that are none of the eight
    flawed: float = Field(0.3, ge=0, le=1)  # share of the eight's renderings with grading errors on top
    uncompressed: float = Field(0.2, ge=0, le=1)
    crf: tuple[int, ...] = CRF
    jpeg: tuple[int, int] = (60, 95)  # quality of stills
    collections: tuple[str, ...] = ()  # published layouts, each with its root folder

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, content: Any) -> Any:
        """Segments were called stretches in specifications of the first corpora."""
        if not isinstance(content, dict):
            return content
        return {str(key).replace("stretches_per_", "segments_per_"): value for key, value in content.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "CorpusSpecification":
        if self.kept > self.frames:
            raise ValueError(f"kept is {self.kept}, of only {self.frames} frames")
        if unknown := sorted(set(self.collections) - set(VIDEOS) - set(PAIRS)):
            raise ValueError(f"unknown collections {unknown}; known are {sorted({*VIDEOS, *PAIRS})}")
        return self


def read_corpus_specification(name: str) -> CorpusSpecification:
    """A committed specification by name, or a YAML file. Raises UserError for what is missing or wrong in it."""
    import yaml

    committed = files("lumaflux.lab.data.curation").joinpath("specs", f"{name}.yaml")
    path = committed if committed.is_file() else Path(name)
    try:
        return CorpusSpecification.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise UserError(f"the corpus specification {name} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{name} is not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{name}: {'.'.join(map(str, first['loc'])) or 'specification'}: {first['msg']}") from None
