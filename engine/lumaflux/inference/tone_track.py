"""Tone tracks: the tone of every frame of a clip as a file, found on key frames and smooth inside each shot.

What a frame becomes then depends on the frame and the track alone, whoever asks and in whatever order.
"""

import json
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.inference.active_area import Area
from lumaflux.inference.key_light import LightKey, stops_at
from lumaflux.inference.tone import Tone, mix
from lumaflux.inference.track_pictures import Pictures
from lumaflux.model.regular_file import read_regular
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings, controls

FORMAT = "lumaflux-tone-track"
LARGEST_TRACK = 256 << 20  # bytes; a key has about 2 kB, an hour of 60 frames/s 18,000 keys
_Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Curve(_Part):
    """Knots of a monotone rational-quadratic curve on the unit square, from (0,0) to (1,1)."""

    x: list[_Unit]
    y: list[_Unit]
    derivatives: list[_Positive]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if not (len(self.x) == len(self.y) == len(self.derivatives) >= 2):
            raise ValueError("a curve needs equally many x, y and derivatives, at least two")
        for name, values in (("x", self.x), ("y", self.y)):
            if (values[0], values[-1]) != (0.0, 1.0) or any(b <= a for a, b in pairwise(values)):
                raise ValueError(f"the {name} of a curve must rise from 0 to 1")
        return self

    def knots(self) -> Knots:
        return Knots(x=_row(self.x), y=_row(self.y), derivatives=_row(self.derivatives))

    @classmethod
    def of(cls, knots: Knots) -> Self:
        ends = {"x": knots.x[0].tolist(), "y": knots.y[0].tolist()}
        for values in ends.values():
            values[0], values[-1] = 0.0, 1.0  # a cumulated sum may miss them by a rounding
        return cls(**ends, derivatives=knots.derivatives[0].tolist())


class Placed(_Part):
    """lumaflux.model.tone_predictor.ToneCurve: ``floor`` and ``top`` are PQ, ``matrix`` acts on PQ R'G'B'."""

    curve: Curve
    floor: _Finite
    top: _Unit
    by_channel: _Unit
    matrix: Annotated[
        list[Annotated[list[_Finite], Field(min_length=3, max_length=3)]], Field(min_length=3, max_length=3)
    ]

    def placement(self) -> ToneCurve:
        return ToneCurve(
            knots=self.curve.knots(),
            floor=torch.tensor([self.floor]),
            top=torch.tensor([self.top]),
            by_channel=torch.tensor([self.by_channel]),
            matrix=torch.tensor([self.matrix]),
        )

    @classmethod
    def of(cls, placement: ToneCurve) -> Self:
        return cls(
            curve=Curve.of(placement.knots),
            floor=float(placement.floor[0]),
            top=float(placement.top[0]),
            by_channel=float(placement.by_channel[0]),
            matrix=placement.matrix[0].tolist(),
        )


class StoredTone(_Part):
    placement: Placed | None = None
    curve: Curve

    def tone(self) -> Tone:
        return Tone(placement=self.placement and self.placement.placement(), knots=self.curve.knots())

    @classmethod
    def of(cls, tone: Tone) -> Self:
        assert tone.knots is not None, "a tone of a track was found with its curve"
        return cls(placement=tone.placement and Placed.of(tone.placement), curve=Curve.of(tone.knots))


class Key(_Part):
    frame: Annotated[int, Field(ge=0)]
    tone: StoredTone


class Pins(_Part):
    """What a person decided for a shot: settings instead of the job's, or one tone for all of it."""

    strength: _Finite | None = None
    target_peak: _Finite | None = None
    tone: StoredTone | None = None

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        for name in ("strength", "target_peak"):
            value, control = getattr(self, name), controls()[name]
            if value is not None and not control.low <= value <= control.high:
                raise ValueError(f"{name} must lie from {control.low} to {control.high}")
        return self


class PictureArea(_Part):
    """lumaflux.inference.active_area.Area: what lies between black bars, as fractions of the frame's sides."""

    top: _Unit = 0.0
    bottom: _Unit = 1.0
    left: _Unit = 0.0
    right: _Unit = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (self.top < self.bottom and self.left < self.right):
            raise ValueError("the area of a shot must have its top above its bottom and its left before its right")
        return self

    def area(self) -> Area:
        return Area(top=self.top, bottom=self.bottom, left=self.left, right=self.right)

    @classmethod
    def of(cls, area: Area) -> Self:
        return cls(top=area.top, bottom=area.bottom, left=area.left, right=area.right)


class Shot(_Part):
    """Frames ``first`` to ``last``, both of it. Between two ``keys`` the tone moves in a straight line, and between two
    ``lights`` the stops of highlights; without any, the network finds those of every frame. ``area``: the whole frame
    where it has no black bars."""

    first: Annotated[int, Field(ge=0)]
    last: Annotated[int, Field(ge=0)]
    area: PictureArea = PictureArea()
    pinned: Pins = Pins()
    keys: Annotated[list[Key], Field(min_length=1)]
    lights: list[LightKey] = []

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        frames = [key.frame for key in self.keys]
        if any(b <= a for a, b in pairwise(frames)) or not self.first <= frames[0] <= frames[-1] <= self.last:
            raise ValueError(f"the keys of the shot at frame {self.first} must rise inside it")
        lit = [self.first - 1, *(light.frame for light in self.lights), self.last + 1]
        if any(b <= a for a, b in pairwise(lit)):
            raise ValueError(f"the lights of the shot at frame {self.first} must rise inside it")
        return self

    def tone_at(self, frame: int) -> Tone:
        return replace(self._tone_at(frame), area=self.area.area(), stops=stops_at(self.lights, frame))

    def _tone_at(self, frame: int) -> Tone:
        if self.pinned.tone is not None:
            return self.pinned.tone.tone()
        after = bisect_right([key.frame for key in self.keys], frame)
        if after in (0, len(self.keys)):
            return self.keys[min(after, len(self.keys) - 1)].tone.tone()
        left, right = self.keys[after - 1], self.keys[after]
        share = (frame - left.frame) / (right.frame - left.frame)
        return mix([left.tone.tone(), right.tone.tone()], [1 - share, share])


class Clip(_Part):
    """The clip that a track was made of. ``digest``: of its size and of parts of its bytes."""

    name: str
    frames: Annotated[int, Field(ge=1)]
    digest: str


class ToneTrack(_Part):
    """``match``: the digest of the HDR picture that the tones were led to, if they were."""

    format: Literal["lumaflux-tone-track"] = FORMAT
    version: Literal[1] = 1
    clip: Clip
    model: str
    pictures: Pictures | None = None  # of an effect's analysis
    match: str | None = None
    shots: list[Shot]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        expected = 0
        for shot in self.shots:
            if shot.first != expected or shot.last < shot.first:
                raise ValueError(f"no shot holds frame {expected}, or two do")
            expected = shot.last + 1
        if expected != self.clip.frames:
            raise ValueError(
                f"no shot holds frame {expected}, or two do" if expected < self.clip.frames else "too long"
            )
        return self

    def shot_of(self, frame: int) -> Shot:
        """Frames beyond the end, which a container announced too few of, belong to the last shot."""
        return self.shots[max(0, bisect_right([shot.first for shot in self.shots], frame) - 1)]

    def tone_at(self, frame: int) -> Tone:
        return self.shot_of(frame).tone_at(frame)

    def settings_at(self, frame: int, settings: Settings) -> Settings:
        pins = self.shot_of(frame).pinned
        pinned = {"strength": pins.strength, "target_peak": pins.target_peak}
        return replace(settings, **{name: value for name, value in pinned.items() if value is not None})


def read_track(path: Path) -> ToneTrack:
    """Raises UserError for a file that is missing, too large, or no whole track."""
    try:
        return ToneTrack.model_validate_json(read_regular(path, LARGEST_TRACK))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); `lumaflux analyze` makes a tone track") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        said = first["msg"].removeprefix("Value error, ")
        raise UserError(
            f"{path} is no whole tone track ({where}: {said}); make it anew with `lumaflux analyze`"
        ) from None


def text_of(track: ToneTrack) -> str:
    """The file's text: a key on one line, so that people can read and compare it."""
    whole = track.model_dump(exclude_none=True, exclude_defaults=False)
    shots = []
    for shot in whole.pop("shots"):
        listed = {name: ",\n   ".join(json.dumps(key) for key in shot.pop(name)) for name in ("keys", "lights")}
        lists = ", ".join(f'"{name}": [\n   {lines}]' for name, lines in listed.items() if lines)
        shots.append(f"  {{{json.dumps(shot)[1:-1]}, {lists}}}")
    return json.dumps(whole)[:-1] + ', "shots": [\n' + ",\n".join(shots) + "\n]}\n"


def _row(values: list[float]) -> Tensor:
    return torch.tensor([values])
