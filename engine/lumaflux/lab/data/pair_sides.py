"""What the two sides of a studio's pair must be, before any of their pictures is compared: an SDR and an HDR file of
one kind and one rate, each pair once."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.digests import file_digest
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.media.display_light import DisplayLight

_SAME_RATE = 1 / 500  # 24 and 23.976 frames/s are one; 24 and 25 are not

Named = tuple[str, Path, Path]


def opened_sides(sdr: Path, hdr: Path) -> "tuple[DisplayLight, DisplayLight]":
    """Both sides, of a gain-map photograph the same file. Raises UserError for a side that cannot be read, an SDR side
    that is HDR or light, an HDR side that is SDR, a moving picture beside one that stands, and another frame rate."""
    from lumaflux.media.display_light import DisplayLight

    one, other = DisplayLight(sdr), DisplayLight(hdr)
    swapped = f"; the sides are swapped: write {hdr}={sdr}"
    if sdr != hdr and not one.is_sdr and not one.has_gain_map:
        said = "holds light (EXR), not codes" if one.info.codec == "openexr" else f"is HDR ({_hdr_of(one)})"
        raise UserError(f"{sdr} {said}; the SDR side of a pair is SDR{swapped if other.is_sdr else ''}")
    if other.is_sdr:
        raise UserError(f"{hdr} is SDR; the HDR side of a pair is PQ, HLG, linear EXR or a gain-map photograph")
    for moving, still in ((one, other), (other, one)):
        if moving.kind != "picture" and still.kind == "picture":
            raise UserError(
                f"{moving.path} moves and {still.path} is one picture; a pair is two clips, or two pictures"
            )
    rates = [side.info.frame_rate if side.kind == "clip" else None for side in (one, other)]
    if rates[0] and rates[1] and abs(rates[0] / rates[1] - 1) > _SAME_RATE:
        raise UserError(
            f"{sdr} has {float(rates[0]):.6g} frames/s and {hdr} {float(rates[1]):.6g}; pair clips of one rate"
        )
    return one, other


def refuse_gaps(side: "DisplayLight", numbers: Sequence[int], asked: range | None) -> None:
    """Raises UserError where ``numbers``, the frames of a side, lack one of ``asked`` or one between: frames are paired
    by counting, and all that follow would be paired with their neighbours'."""
    wanted = range(numbers[0], numbers[-1] + 1) if asked is None and numbers else asked or range(0)
    if lacking := sorted(set(wanted) - set(numbers)):
        raise UserError(
            f"{side.path} lacks {len(lacking)} of its frames {wanted[0]} to {wanted[-1]}, the first {lacking[0]}; "
            "bring them, or give the parts as pairs of their own"
        )


def refuse_doubles(pairs: Iterable[Named]) -> None:
    """Raises UserError for a pair that is there twice, by name or by contents: a look is judged on what it did not
    see."""
    seen: dict[tuple[str, str], Path] = {}
    for _, sdr, hdr in pairs:
        key = (_fact(sdr), _fact(hdr))
        if (before := seen.get(key)) is not None:
            same = f"{sdr} and its HDR are given twice" if before == sdr else f"{before} and {sdr} are the same pair"
            raise UserError(f"{same}; give each pair once, for a look is judged on pairs that it did not see")
        seen[key] = sdr


def _fact(path: Path) -> str:
    return file_digest(path) if path.is_file() else str(path.resolve())


def _hdr_of(side: "DisplayLight") -> str:
    return side.info.hdr or side.info.transfer.value.upper()
