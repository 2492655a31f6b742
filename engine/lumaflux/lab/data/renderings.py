"""SDR of training pairs: the eight operators around their standard parameters, and random renderings beside them."""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.color.primaries import luminance
from lumaflux.errors import UserError
from lumaflux.lab.data.draws import happens, integer, number
from lumaflux.lab.data.imperfections import imperfections, quantize
from lumaflux.lab.data.local_rendering import LOCAL_FAMILIES, render_local
from lumaflux.lab.data.random_rendering import render_random
from lumaflux.lab.data.reference_white_rendering import render_reference_white

PEAK_NITS = 1000.0
EXPOSURE_DEVIATION = 0.35  # stops
STANDARD_SHARE = 0.65  # of the renderings by the eight; the rest is drawn around the standard
WORN_SHARE = 0.2  # of the renderings by the eight: imperfect
BRIGHT_NITS = 35.0  # log-average of a master: phones and photo editors make such; the convention has 20
LOCAL_SHARE = 0.3  # of the renderings outside the eight
REFERENCE_WHITE_SHARE, REFERENCE_WHITE_BRIGHT = 0.25, 0.55  # of the same, and of those of bright masters

Draw = Callable[[float, float], float]

# Parameters drawn around the standard ones (lumaflux.color.operators); an operator not named here has none to draw.
_PARAMETERS: dict[str, Callable[[Draw], dict[str, float]]] = {
    "bt2446c": lambda draw: {"crosstalk": draw(0.0, 0.1)},
    "hard-clip": lambda draw: {"clip_nits": draw(120.0, 350.0)},
    "reinhard": lambda draw: {"white": draw(5.0, 14.0)},
    "logc": lambda draw: {"white_nits": draw(75.0, 140.0)},
    "gamma-clip": lambda draw: {"clip_nits": draw(203.0, 1000.0), "gamma": draw(2.2, 2.4)},
    "bt2390": lambda draw: {"target_peak": draw(80.0, 140.0)},
}


def render_standard(hdr_pq: Tensor, operator: str) -> Tensor:
    """PQ/BT.2020 masters [B,3,H,W] -> 8-bit SDR by one of the eight operators at its standard parameters."""
    return quantize(OPERATORS[operator](pq.eotf(hdr_pq)).clamp(0, 1))


def operators_without(names: Collection[str]) -> tuple[str, ...]:
    """The eight operators but for those named. Raises UserError for an unknown name, and when none is left."""
    if unknown := sorted(set(names) - set(OPERATORS)):
        raise UserError(f"there is no operator {', '.join(unknown)} to leave out; there are {', '.join(OPERATORS)}")
    left = tuple(name for name in OPERATORS if name not in names)
    if not left:
        raise UserError("every operator is left out; keep at least one")
    return left


def render_jittered(
    hdr_pq: Tensor, generator: torch.Generator, operators: Sequence[str] = tuple(OPERATORS)
) -> tuple[Tensor, str]:
    """Masters [B,3,H,W] -> signals by one of ``operators``, and its name: at the standard or around it."""

    def draw(low: float, high: float) -> float:
        return number(low, high, generator)

    name = operators[integer(len(operators), generator)]
    light = pq.eotf(hdr_pq)
    if happens(STANDARD_SHARE, generator):
        return OPERATORS[name](light).clamp(0, 1), name
    light = light * 2 ** (EXPOSURE_DEVIATION * float(torch.randn((), generator=generator)))
    parameters = _PARAMETERS[name](draw) if name in _PARAMETERS else {}
    return OPERATORS[name](light.clamp(max=PEAK_NITS), **parameters).clamp(0, 1), name


def _bright(hdr_pq: Tensor) -> bool:
    return float(luminance(pq.eotf(hdr_pq)).clamp(min=0.01).log().mean().exp()) > BRIGHT_NITS


def render_outside(hdr_pq: Tensor, generator: torch.Generator) -> tuple[Tensor, str]:
    """Masters -> signals by a random curve, local tone mapping or placement at reference white, and its name.

    What is bright at reference white comes mostly from phones and photo editors, which render it so.
    """
    drawn = number(0, 1, generator)
    at_white = REFERENCE_WHITE_BRIGHT if _bright(hdr_pq) else REFERENCE_WHITE_SHARE
    if drawn < at_white:
        return render_reference_white(hdr_pq, generator), "reference-white"
    if drawn < at_white + LOCAL_SHARE:
        family = list(LOCAL_FAMILIES)[integer(len(LOCAL_FAMILIES), generator)]
        return render_local(hdr_pq, family, generator), family
    return render_random(hdr_pq, generator), "random-curve"


def render_pairs(
    hdr_pq: Tensor,
    generator: torch.Generator,
    random_share: float = 0.3,
    operators: Sequence[str] = tuple(OPERATORS),
) -> Tensor:
    """Masters [B,3,H,W] -> 8-bit SDR signals: each by one of ``operators``, standard or around it, or by another
    rendering."""
    rendered = []
    for master in hdr_pq.split(1):
        if happens(random_share, generator):
            rendered.append(imperfections(render_outside(master, generator)[0], generator))
        elif happens(WORN_SHARE, generator):
            rendered.append(imperfections(render_jittered(master, generator, operators)[0], generator))
        else:
            rendered.append(quantize(render_jittered(master, generator, operators)[0]))
    return torch.cat(rendered)
