"""Colour spaces by name, each to and from BT.2020 light in cd/m2; relative light of 1 lies at reference white."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lumaflux.color import acescct, bt1886, davinci, hlg, pq, srgb
from lumaflux.color.arrays import Array
from lumaflux.color.primaries import (
    ACES_AP0,
    ACES_AP1,
    BT709,
    BT2020,
    DAVINCI_WIDE_GAMUT,
    P3_D65,
    Primaries,
    apply_matrix,
    rgb_to_rgb,
)
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS
from lumaflux.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Space:
    """``decode`` gives relative light (1 = white) or, for an ``absolute`` space, light in cd/m2."""

    label: str
    primaries: Primaries
    decode: Callable[[Array], Array]
    encode: Callable[[Array], Array]
    absolute: bool = False


def _same(values: Array) -> Array:
    return values


SPACES = {
    "bt709-bt1886": Space(
        label="BT.709 / BT.1886",
        primaries=BT709,
        decode=partial(bt1886.eotf, white_nits=1.0),
        encode=partial(bt1886.inverse_eotf, white_nits=1.0),
    ),
    "srgb": Space(label="sRGB", primaries=BT709, decode=srgb.eotf, encode=srgb.inverse_eotf),
    "linear-bt709": Space(label="Linear BT.709", primaries=BT709, decode=_same, encode=_same),
    "linear-bt2020": Space(label="Linear BT.2020", primaries=BT2020, decode=_same, encode=_same),
    "pq-bt2020": Space(label="PQ BT.2020", primaries=BT2020, decode=pq.eotf, encode=pq.inverse_eotf, absolute=True),
    "pq-p3d65": Space(label="PQ P3 D65", primaries=P3_D65, decode=pq.eotf, encode=pq.inverse_eotf, absolute=True),
    "hlg-bt2020": Space(
        label="HLG BT.2020 (1000 cd/m2)", primaries=BT2020, decode=hlg.eotf, encode=hlg.inverse_eotf, absolute=True
    ),
    "acescg": Space(label="ACEScg", primaries=ACES_AP1, decode=_same, encode=_same),
    "aces2065-1": Space(label="ACES2065-1", primaries=ACES_AP0, decode=_same, encode=_same),
    "davinci-intermediate": Space(
        label="DaVinci Wide Gamut Intermediate",
        primaries=DAVINCI_WIDE_GAMUT,
        decode=davinci.inverse_oetf,
        encode=davinci.oetf,
    ),
    "acescct": Space(label="ACEScct", primaries=ACES_AP1, decode=acescct.inverse_oetf, encode=acescct.oetf),
}


def _space(name: str) -> Space:
    if name not in SPACES:
        raise UserError(f"unknown colour space '{name}'; choose one of {', '.join(SPACES)}")
    return SPACES[name]


def to_nits(values: Array, space: str, reference_white: float = REFERENCE_WHITE_NITS) -> Array:
    """Values ``[..., 3, H, W]`` in a named space -> BT.2020 light in cd/m2. Raises UserError for an unknown name."""
    named = _space(space)
    light = named.decode(values)
    light = light if named.absolute else reference_white * light
    return light if named.primaries == BT2020 else apply_matrix(rgb_to_rgb(named.primaries, BT2020), light)


def from_nits(nits: Array, space: str, reference_white: float = REFERENCE_WHITE_NITS) -> Array:
    """BT.2020 light ``[..., 3, H, W]`` in cd/m2 -> values in a named space, the inverse of :func:`to_nits`."""
    named = _space(space)
    light = nits if named.primaries == BT2020 else apply_matrix(rgb_to_rgb(BT2020, named.primaries), nits)
    return named.encode(light if named.absolute else light / reference_white)
