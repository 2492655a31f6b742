"""4:2:0 chroma planes down and up, sited as BT.2100 (top-left) or H.264 SDR (left) places them.

topleft        left            x  luma     o  chroma
ox  x  ox      x   x   x       Across both are co-sited with even columns;
               o       o       down, "left" lies midway between rows 2i and 2i+1.
x   x   x      x   x   x
"""

from collections.abc import Callable

from lumaflux.color.arrays import Array, namespace

SITINGS = ("topleft", "left")


def _check(siting: str) -> None:
    if siting not in SITINGS:
        raise ValueError(f"Chroma siting is one of {', '.join(SITINGS)}, not {siting!r}.")


def _pad_to_even(x: Array) -> Array:
    return namespace(x).concat([x, x[..., -1:]], axis=-1) if x.shape[-1] % 2 else x


def _halve_cosited(x: Array) -> Array:
    """[1 2 1]/4 at the even samples of the last axis."""
    x = _pad_to_even(x)
    even, odd = x[..., 0::2], x[..., 1::2]
    before = namespace(x).concat([even[..., :1], odd[..., :-1]], axis=-1)
    return 0.5 * even + 0.25 * (before + odd)


def _halve_midway(x: Array) -> Array:
    """[1 1]/2 over each pair of the last axis."""
    x = _pad_to_even(x)
    return 0.5 * (x[..., 0::2] + x[..., 1::2])


def _interleave(even: Array, odd: Array, length: int) -> Array:
    pairs = namespace(even).stack([even, odd], axis=-1)
    return pairs.reshape((*even.shape[:-1], 2 * even.shape[-1]))[..., :length]


def _double_cosited(x: Array, length: int) -> Array:
    after = namespace(x).concat([x[..., 1:], x[..., -1:]], axis=-1)
    return _interleave(x, 0.5 * (x + after), length)


def _double_midway(x: Array, length: int) -> Array:
    xp = namespace(x)
    before = xp.concat([x[..., :1], x[..., :-1]], axis=-1)
    after = xp.concat([x[..., 1:], x[..., -1:]], axis=-1)
    return _interleave(0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after, length)


def _down_the_rows(resample: Callable[..., Array], x: Array, *length: int) -> Array:
    xp = namespace(x)
    return xp.matrix_transpose(resample(xp.matrix_transpose(x), *length))


def subsample_420(plane: Array, siting: str = "topleft") -> Array:
    """Half-resolution chroma ``[..., ceil(H/2), ceil(W/2)]`` of a plane ``[..., H, W]``; borders repeat.

    ``siting`` is ``topleft`` (HDR10: H.265 location type 2) or ``left`` (H.264 SDR: type 0).
    Raises ValueError for another siting.
    """
    _check(siting)
    vertical = _halve_cosited if siting == "topleft" else _halve_midway
    return _down_the_rows(vertical, _halve_cosited(plane))


def upsample_420(plane: Array, siting: str = "topleft", size: tuple[int, int] | None = None) -> Array:
    """Full-resolution chroma of a plane ``[..., h, w]`` by linear interpolation at the luma sites.

    ``size`` is the luma's (H, W), (2h, 2w) when not given; an odd size has one row or column less.
    Raises ValueError for another siting, and for a size that has no such chroma plane.
    """
    _check(siting)
    h, w = plane.shape[-2:]
    height, width = size or (2 * h, 2 * w)
    if ((height + 1) // 2, (width + 1) // 2) != (h, w):
        raise ValueError(f"A luma plane of {width}x{height} has no 4:2:0 chroma plane of {w}x{h}.")
    vertical = _double_cosited if siting == "topleft" else _double_midway
    return _down_the_rows(vertical, _double_cosited(plane, width), height)
