"""What each stage's ``options`` may say: names, types, ranges and defaults."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig, sentence_of

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class StageOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VaeOptions(StageOptions):
    """``kl`` and ``gradient`` weights; ``weights``, a safetensors file to start from; ``varied``, the share of masters
    that are relit. ``decoder_noise`` trains the decoder alone, on latents of the frozen encoder in ``start`` plus noise
    of up to this deviation: what was trained on these latents stays valid."""

    kl: Weight = 1e-6
    gradient: Weight = 0.5
    varied: Share = 0.0
    decoder_noise: Weight | None = None
    weights: str | None = None


class TonePredictorOptions(StageOptions):
    """``bank`` records rendered before training, their ``shares`` by kind (lumaflux.lab.data.tone_pairs), ``without``:
    operators left out of training (validation is by all eight); ``held``: sources left out, by name, and judged beside
    validation scenes if they are pairs; ``dropout`` of what the predictor sees; weights of losses on the exposure's
    residual (``doubt``), on mean ``chroma``, of the head that tells ``camera`` material and of one that tells the
    ``rendering`` (an operator or none of them), which helps training and is left behind."""

    bank: Count = 15000
    shares: dict[str, Weight] = {}
    without: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    dropout: Share = 0.1
    doubt: Weight = 0.002
    chroma: Weight = 0.02
    camera: Weight = 0.1
    rendering: Weight = 0.03


class AdapterOptions(StageOptions):
    """``picture_every`` and ``picture_count`` (how often and for how many the picture counts), ``detail`` ("generated":
    as decoded; "source": by the product's path, at the reduced size), ``at_one`` (share of t = 1), ``random_share`` (of
    pairs by random renderings), ``varied`` (of relit masters), ``without`` (operators left out of training), weights
    ``flow``, ``pq``, ``itp``, ``linear``, ``knots``; ``adapters`` names a file to start from, ``silent_context`` starts
    with a context of zeros, ``variant`` is a row of the ablation table."""

    picture_every: Count = 2
    picture_count: Count = 4
    at_one: Share = 0.5
    random_share: Share = 0.3
    varied: Share = 0.0
    without: tuple[str, ...] = ()
    detail: Literal["generated", "source"] = "generated"
    flow: Weight = 1.0
    pq: Weight = 4.0
    itp: Weight = 2.0
    linear: Weight = 1.0
    knots: Weight = 1e-3
    variant: str | None = None
    adapters: str | None = None
    silent_context: bool = False


class HighlightOptions(StageOptions):
    """``bank`` and ``unseen`` pairs are encoded beforehand, into ``run``/bank or the folder ``pairs``;
    ``light_updates`` and ``light_examples`` make the light decoder. ``level``, ``structure``, ``correlation`` and
    ``peak`` weigh the terms of highlight_losses, taken through the light decoder, or for ``decoded`` pictures of a
    batch through the autoencoder; ``clipped`` weighs the velocity's error where the source is clipped."""

    bank: Count = 1600
    unseen: Count = 96
    pairs: str | None = None
    light_updates: Count = 400
    light_examples: Count = 384
    level: Weight = 1.0
    structure: Weight = 1.0
    correlation: Weight = 0.5
    peak: Weight = 0.25
    decoded: Annotated[int, Field(ge=0)] = 0
    clipped: Weight = 8.0


class PriorOptions(HighlightOptions):
    """``pure_noise``: the share of a batch that starts from noise alone; ``at_one``: the share of the rest at t = 1;
    ``weights`` names a transformer to start from, and ``blend`` is how far the result goes from there to what was
    learned (weights between both hold better on unseen scenes: Wortsman et al. 2022)."""

    pure_noise: Share = 0.15
    at_one: Share = 0.6
    weights: str | None = None
    blend: Share = 1.0


class HighlightAdapterOptions(HighlightOptions):
    """``flow`` and ``knots`` weigh the velocity's error and the curve's smoothness; ``variant`` is a row of the
    ablation table, ``adapters`` a file to start from; ``silent_context`` starts with a context of zeros, which is what
    the prior has seen."""

    detail: Literal["highlights"] = "highlights"
    flow: Weight = 0.25
    clipped: Weight = 4.0
    knots: Weight = 1e-3
    variant: str | None = None
    adapters: str | None = None
    silent_context: bool = True


Options = TypeVar("Options", bound=StageOptions)


def options_of(config: TrainConfig, kind: type[Options]) -> Options:
    """The options of a configuration. Raises UserError for an unknown name, a wrong type and a value out of range."""
    given: dict[str, Any] = config.options
    if unknown := sorted(set(given) - set(kind.model_fields)):
        raise UserError(f"the {config.stage} stage has no options {unknown}; it has {', '.join(kind.model_fields)}")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise UserError(f"the {config.stage} stage's options: {sentence_of(error)}") from None
