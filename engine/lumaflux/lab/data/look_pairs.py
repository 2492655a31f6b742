"""A studio's own pairs: SDR and HDR of the same pictures, found, brought to the same frame and checked.

A pair is a gain-map photograph, ``SDR=HDR`` of two files (pictures, clips, sequences), or files of one stem below
``sdr/`` and ``hdr/`` of a folder. Clips are shifted in time and cropped to what both show.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, BT2020_LUMA, apply_matrix, luminance, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.lab.data.mastering import shoulder
from lumaflux.lab.data.pair_sides import Named, opened_sides, refuse_doubles, refuse_gaps
from lumaflux.media.alignment import Box, crop, matched, offset_of, rank_correlation, thumbnail
from lumaflux.media.gainmap.photograph import GAIN_MAP_SUFFIXES
from lumaflux.media.scaling import reduce_area

if TYPE_CHECKING:
    from lumaflux.media.display_light import DisplayLight, LitFrame

SIDE = 96  # pixels of a record
_EVERY = 12  # frames between those that are taken of a clip
_MOST = 8  # of a clip
_LARGEST = 1024  # pixels a side of what is looked at
_FLAT = 0.02  # of the range
_LEAST_MATCH = 0.85  # rank correlation of luminance, from which on two pictures show the same

Picture = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class LookPair:
    """``sdr``: BT.1886 codes [N,3,S,S] in [0,1]; ``hdr``: PQ/BT.2020 [N,3,S,S]; of the frames of one shot or picture.
    ``match``: the least rank correlation of their luminance; ``offset``: frames that the HDR is later; ``notes``: what
    was cut or left out.
    """

    name: str
    sdr: Picture
    hdr: Picture
    match: float
    offset: int = 0
    notes: tuple[str, ...] = ()


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden file beside ``path`` that takes its name when the block ends well.

    Raises UserError for one that is there already and for a folder that cannot be written.
    """
    from lumaflux.media.atomic_file import AtomicFile, allow_by_umask

    with AtomicFile(path, overwrite=overwrite) as file:
        yield file.partial
        allow_by_umask(file.partial)


def find_pairs(sources: Sequence[str]) -> list[Named]:
    """Names, SDR and HDR files, as the arguments say them. Raises UserError for one that names no pair, and for a pair
    that is there twice."""
    found: list[Named] = []
    for source in sources:
        sdr, equals, hdr = source.partition("=")
        path = Path(source)
        if equals and not path.exists():
            found.append((Path(sdr).stem, Path(sdr), Path(hdr)))
        elif path.is_dir():
            found += _of_folder(path)
        elif path.suffix.lower() in GAIN_MAP_SUFFIXES:
            found.append((path.stem, path, path))
        else:
            raise UserError(f"{source} names no pair; write SDR=HDR, a gain-map photograph, or a folder")
    if not found:
        raise UserError(f"{', '.join(sources)} hold no pairs; name pictures or clips as SDR=HDR")
    refuse_doubles(found)
    return found


def _of_folder(folder: Path) -> list[Named]:
    """Of sdr/ and hdr/, files of one stem; else its gain-map photographs. Hidden files are none of them."""
    if not (folder / "sdr").is_dir() or not (folder / "hdr").is_dir():
        photographs = [path for path in _files(folder) if path.suffix.lower() in GAIN_MAP_SUFFIXES]
        return [(path.stem, path, path) for path in photographs]
    sides: list[dict[str, Path]] = [{}, {}]
    for found, side in zip(sides, ("sdr", "hdr"), strict=True):
        for path in _files(folder / side):
            if (before := found.setdefault(path.stem, path)) != path:
                raise UserError(f"{before} and {path.name} have one name, which says no pair; leave one of them")
    alone = sorted(set(sides[0]) ^ set(sides[1]))
    if alone:
        raise UserError(f"{folder} has {', '.join(alone[:3])} on one side only; every SDR file needs its HDR file")
    return [(stem, path, sides[1][stem]) for stem, path in sides[0].items()]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def read_pairs(name: str, sdr: Path, hdr: Path, frames: tuple[range, range] | None = None) -> list[LookPair]:
    """One of two pictures, or one for every shot of two clips; of these ``frames`` of each, or all.

    Raises UserError for files that cannot be read, sides that are not SDR and HDR of one kind and rate
    (lumaflux.lab.data.pair_sides), lacking frames, and sides that show different pictures.
    """
    one, other = opened_sides(sdr, hdr)
    if one.kind != "picture":
        return _clips(name, one, other, frames)
    return [_pair(name, [(thinned(_sdr_picture(sdr)), thinned(other.frame().nits))])]


def _clips(
    name: str, sdr: "DisplayLight", hdr: "DisplayLight", asked: tuple[range, range] | None = None
) -> list[LookPair]:
    """Two passes: over thumbnails, which find the shift and the shots; and over the frames that are taken."""
    from lumaflux.media.video.shots import find_shots, signature

    numbers, thumbnails, signatures = [], [], []
    for frame in sdr.frames() if asked is None else _only(sdr, asked[0]):
        codes = _codes_of(thinned(frame.nits))
        numbers.append(frame.number)
        thumbnails.append(thumbnail(luma_of(codes)))
        signatures.append(signature(codes))
    shown = hdr.frames() if asked is None else _only(hdr, asked[1])
    lit = {frame.number: thumbnail(light_of(thinned(frame.nits))) for frame in shown}
    if not numbers or not lit:
        raise UserError(f"{name}: {hdr.path if numbers else sdr.path} holds no frames; give clips of the same shot")
    for side, there, wanted in zip((sdr, hdr), (numbers, list(lit)), asked or (None, None), strict=True):
        refuse_gaps(side, there, wanted)
    offset, order = offset_of(thumbnails, list(lit.values())), list(lit)
    notes = _lengths(name, sdr, hdr, (len(numbers), len(order)), offset)
    shots = []
    for shot in find_shots(signatures):
        places = [place for place in shot if 0 <= place + offset < len(order)]
        places = places[len(places) % _EVERY // 2 :: max(_EVERY, -(-len(places) // _MOST))]
        if places:
            shots.append(places)
    if not shots:
        raise UserError(f"{name}: {sdr.path} and {hdr.path} share no frame; give clips of the same shot")
    taken = [place for places in shots for place in places]
    first = {frame.number: _codes_of(thinned(frame.nits)) for frame in _only(sdr, [numbers[place] for place in taken])}
    second = {frame.number: thinned(frame.nits) for frame in _only(hdr, [order[place + offset] for place in taken])}
    found = []
    for index, places in enumerate(shots):
        frames = [(first[numbers[place]], second[order[place + offset]]) for place in places]
        frames = [
            (codes, nits) for codes, nits in frames if not (_is_flat(luma_of(codes)) and _is_flat(light_of(nits)))
        ]
        if not frames:
            continue  # black, or a card of one color
        found.append(_pair(name if len(shots) == 1 else f"{name}, shot {index + 1}", frames, offset, notes))
        notes = ()
    if not found:
        raise UserError(f"{name}: {sdr.path} and {hdr.path} are black or of one color; give clips that show something")
    return found


def _lengths(
    name: str, sdr: "DisplayLight", hdr: "DisplayLight", counts: tuple[int, int], offset: int
) -> tuple[str, ...]:
    if counts[0] == counts[1]:
        return ()
    both = min(counts[0], counts[1] - offset) - max(0, -offset)
    return (f"{name}: {sdr.path} has {counts[0]} frames and {hdr.path} {counts[1]}; {both} that both show count",)


def _is_flat(plane: Picture) -> bool:
    return float(np.ptp(plane)) < _FLAT


def _only(source: "DisplayLight", numbers: Sequence[int]) -> "Iterator[LitFrame]":
    wanted = set(numbers)
    return source.frames(lambda number: number in wanted)


def _pair(name: str, frames: list[tuple[Picture, Picture]], offset: int = 0, notes: tuple[str, ...] = ()) -> LookPair:
    """Codes and light of frames that show the same, cut as ``matched`` finds on that which agrees best; those that
    differ are left out."""
    found = max((matched(luma_of(codes), light_of(nits)) for codes, nits in frames), key=lambda each: each.correlation)
    cut = [(crop(codes, found.first), crop(nits, found.second)) for codes, nits in frames]
    agreement = [rank_correlation(luma_of(codes), light_of(nits)) for codes, nits in cut]
    same = [index for index, each in enumerate(agreement) if each >= _LEAST_MATCH]
    if 2 * len(same) < len(frames):
        raise UserError(
            f"{name}: SDR and HDR show different pictures (luminance correlates by {min(agreement):.2f}, "
            f"{_LEAST_MATCH} are needed); pair the same frames"
        )
    if others := len(frames) - len(same):
        notes += (f"{name}: {others} of {len(frames)} frames differ, and are left out",)
    notes += tuple(
        f"{name}: the {side} side is cut to {box.width:.0%} x {box.height:.0%} of it"
        for side, box in (("SDR", found.first), ("HDR", found.second))
        if box != Box()
    )
    sdr = np.stack([_small_codes(cut[index][0]) for index in same])
    hdr = np.stack([_small_light(cut[index][1]) for index in same])
    match = min(agreement[index] for index in same)
    return LookPair(name=name, sdr=sdr, hdr=hdr, match=match, offset=offset, notes=notes)


def _sdr_picture(path: Path) -> Picture:
    from lumaflux.media.stills.picture import read_still

    return read_still(path).bt1886


def _codes_of(nits: Picture) -> Picture:
    """A frame that is shown with its white at 203 cd/m2 -> the BT.1886 codes that it came from."""
    light = np.asarray(apply_matrix(rgb_to_rgb(BT2020, BT709), nits / np.float32(203.0)), np.float32).clip(0, 1)
    return np.asarray(bt1886.inverse_eotf(light, white_nits=1.0), np.float32)


def thinned(picture: Picture) -> Picture:
    """Every n-th row and column, so that no side is much above ``_LARGEST``: a tone needs no more."""
    step = max(1, max(picture.shape[1:]) // _LARGEST)
    return np.ascontiguousarray(picture[:, ::step, ::step])


def luma_of(codes: Picture) -> Picture:
    return np.asarray(luminance(codes, BT709_LUMA), np.float32)[0]


def light_of(nits: Picture) -> Picture:
    """PQ of luminance [H,W]: of the same order as the source's luma."""
    return np.asarray(pq.inverse_eotf(luminance(nits, BT2020_LUMA)), np.float32)[0]


def _small_codes(codes: Picture) -> Picture:
    light = reduce_area(np.asarray(bt1886.eotf(codes, white_nits=1.0), np.float32), *_size(codes))
    codes = np.asarray(bt1886.inverse_eotf(_square(light), white_nits=1.0), np.float32)
    return np.asarray((codes * 255).round() / 255, np.float32)


def _small_light(nits: Picture) -> Picture:
    light = _square(reduce_area(nits, *_size(nits)))
    return np.asarray(pq.inverse_eotf(np.asarray(shoulder(light))), np.float32)


def _size(picture: Picture) -> tuple[int, int]:
    return min(SIDE, picture.shape[2]), min(SIDE, picture.shape[1])


def _square(light: Picture) -> Picture:
    """Repeated to SIDE where it is smaller."""
    rows, columns = (np.arange(SIDE) * side // SIDE for side in light.shape[1:])
    return np.ascontiguousarray(light[:, rows][:, :, columns])
