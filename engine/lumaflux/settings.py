"""What a user can set: the one descriptor that command, effect, farm and timeline read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from lumaflux.checked_fields import CheckedFields
from lumaflux.errors import UserError

DETAIL_WORDS = {"source": "1", "generated": "0"}  # what a command line may say for the ends of ``detail``


@dataclass(frozen=True, kw_only=True)
class Control:
    """How one setting is shown and bounded. ``low`` and ``high`` are inclusive."""

    label: str
    help: str
    unit: str
    group: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a setting with few values is shown. ``values``: what each is called in a menu, by its word."""

    label: str
    help: str
    group: str
    values: Mapping[str, str]


def _control(default: Any, **description: Any) -> Any:
    kind, shown = ("choice", Choice) if "values" in description else ("control", Control)
    return field(default=default, metadata={kind: shown(**description), "help": description["help"]})


@dataclass(frozen=True, kw_only=True)
class Settings(CheckedFields):
    """The look controls of ``Converter.render``; `Settings` in the reference lists them with unit, range and default.

    Raises:
        UserError: A value of another type or outside its range, an unknown word, or a target peak below reference
            white.

    Examples:
        >>> Settings(exposure=0.5).exposure
        0.5
        >>> Settings(exposure=9)
        Traceback (most recent call last):
            ...
        lumaflux.errors.UserError: ...
    """

    strength: float = _control(
        1.0,
        label="Strength",
        help="Blend in the PQ domain: 0 is the static placement at reference white, 1 is the model.",
        unit="ratio",
        group="Look",
        low=0.0,
        high=1.0,
    )
    exposure: float = _control(
        0.0,
        label="Exposure",
        help="Brighter or darker than the model makes it; what would exceed the target peak is rolled off below it.",
        unit="stops",
        group="Look",
        low=-6.0,
        high=6.0,
    )
    auto_tone: float = _control(
        1.0,
        label="Auto tone",
        help="How far the tone that the model finds for the picture goes: 0 is the static placement at reference white "
        "with highlights recovered, 1 is all of it.",
        unit="ratio",
        group="Look",
        low=0.0,
        high=1.0,
    )
    source: Literal["auto", "camera", "graded"] = _control(
        "auto",
        label="Source",
        help="What the picture comes from: a camera or phone, or a graded master that was made SDR. auto goes by what "
        "the file says, else by the picture.",
        group="Look",
        values={"auto": "Auto", "camera": "Camera", "graded": "Graded master"},
    )
    target_peak: float = _control(
        1000.0,
        label="Target peak",
        help="The brightest light: light above reference white is re-expanded monotonically up to it, "
        "light below stays untouched.",
        unit="cd/m2",
        group="Look",
        low=400.0,
        high=4000.0,
    )
    reference_white: float = _control(
        203.0,
        label="Reference white",
        help="Where diffuse white is placed; all light scales with it before the peak is applied.",
        unit="cd/m2",
        group="Look",
        low=100.0,
        high=400.0,
    )
    saturation: float = _control(
        1.0,
        label="Saturation",
        help="Factor on Ct and Cp of ICtCp: 0 is grey, 1 leaves colour as the model made it.",
        unit="factor",
        group="Look",
        low=0.0,
        high=2.0,
    )
    detail: float = _control(
        1.0,
        label="Detail",
        help="Where detail comes from: 1 is the source, lit by the model; 0 is the model's own decoded picture.",
        unit="ratio",
        group="Detail",
        low=0.0,
        high=1.0,
    )
    highlight_recovery: float = _control(
        1.0,
        label="Highlight recovery",
        help="How much of the light that the model finds where the source is clipped enters: 0 is the curve alone, "
        "1 all of it.",
        unit="ratio",
        group="Detail",
        low=0.0,
        high=1.0,
    )
    graphics_white: Literal["auto", "off"] = _control(
        "auto",
        label="Graphics white",
        help="auto keeps subtitles, credits and pages at reference white: no lighter than the static placement; off "
        "leaves them to the tone of the picture.",
        group="Detail",
        values={"auto": "Auto", "off": "Off"},
    )
    temporal_stability: float = _control(
        1.0,
        label="Temporal stability",
        help="Under a tone track: 1 takes the tone of the shot, 0 that of the frame alone, and what lies between mixes "
        "them (and samples twice); without a track it changes nothing.",
        unit="ratio",
        group="Temporal",
        low=0.0,
        high=1.0,
    )
    steps: int = _control(
        0,
        label="Steps",
        help="Euler steps of the sampler; 0 takes the model's own default.",
        unit="steps",
        group="Model",
        low=0,
        high=100,
    )
    step_reuse: float = _control(
        0.0,
        label="Step reuse",
        help="Takes a step's velocity once more where the last two differ by at most this share of their size; 0 "
        "evaluates every step (docs/guide/flux.md).",
        unit="ratio",
        group="Model",
        low=0.0,
        high=1.0,
    )
    block_reuse: float = _control(
        0.0,
        label="Block reuse",
        help="Takes what all blocks but the first add from an earlier step where what the first adds has changed by at "
        "most this share of its size; 0 evaluates every block (docs/guide/flux.md).",
        unit="ratio",
        group="Model",
        low=0.0,
        high=1.0,
    )
    seed: int = _control(
        0,
        label="Seed",
        help="Key of the noise that every frame of a clip shares.",
        unit="integer",
        group="Model",
        low=0,
        high=2**31 - 1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_peak < self.reference_white:
            raise UserError(
                f"target peak ({self.target_peak:g} cd/m2) must not be below reference white "
                f"({self.reference_white:g} cd/m2); raise the one or lower the other"
            )

    @property
    def camera(self) -> float | None:
        """How much the source is camera material, in [0, 1]; None where nobody has said."""
        return {"camera": 1.0, "graded": 0.0}.get(self.source)


def controls() -> dict[str, Control]:
    """Every setting in numbers: name and description, in the order in which a front end shows them."""
    return {f.name: f.metadata["control"] for f in fields(Settings) if "control" in f.metadata}


def choices() -> dict[str, Choice]:
    """Every setting in words: name and description, likewise."""
    return {f.name: f.metadata["choice"] for f in fields(Settings) if "choice" in f.metadata}
