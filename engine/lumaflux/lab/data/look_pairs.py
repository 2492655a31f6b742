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
from lumaflux.media.alignment import Box, crop, matched, offset_of, thumbnail
from lumaflux.media.gainmap.photograph import GAIN_MAP_SUFFIXES
from lumaflux.media.scaling import reduce_area

if TYPE_CHECKING:
    from lumaflux.media.display_light import DisplayLight, LitFrame

SIDE = 96  # pixels of a record
_EVERY = 12  # frames between those that are taken of a clip
_MOST = 8  # of a clip
_LARGEST = 1024  # pixels a side of what is looked at
_LEAST_MATCH = 0.85  # rank correlation of luminance, from which on two pictures show the same

Picture = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class LookPair:
    """``sdr``: BT.1886 codes [N,3,S,S] in [0,1]; ``hdr``: PQ/BT.2020 [N,3,S,S]; of the frames of one shot or picture.
    ``match``: rank correlation of their luminance; ``offset``: frames that the HDR is later; ``notes``: what was cut.
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


def find_pairs(sources: Sequence[str]) -> list[tuple[str, Path, Path]]:
    """Names, SDR and HDR files, as the arguments say them. Raises UserError for one that names no pair."""
    found: list[tuple[str, Path, Path]] = []
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
    return found


def _of_folder(folder: Path) -> list[tuple[str, Path, Path]]:
    """Of sdr/ and hdr/, files of one stem; else its gain-map photographs."""
    if not (folder / "sdr").is_dir() or not (folder / "hdr").is_dir():
        photographs = sorted(path for path in folder.iterdir() if path.suffix.lower() in GAIN_MAP_SUFFIXES)
        return [(path.stem, path, path) for path in photographs]
    sides = [
        {path.stem: path for path in sorted((folder / side).iterdir()) if path.is_file()} for side in ("sdr", "hdr")
    ]
    alone = sorted(set(sides[0]) ^ set(sides[1]))
    if alone:
        raise UserError(f"{folder} has {', '.join(alone[:3])} on one side only; every SDR file needs its HDR file")
    return [(stem, path, sides[1][stem]) for stem, path in sides[0].items()]


def read_pairs(name: str, sdr: Path, hdr: Path, frames: tuple[range, range] | None = None) -> list[LookPair]:
    """One of two pictures, or one for every shot of two clips; of these ``frames`` of each, or all.

    Raises UserError for files that cannot be read, an HDR side that is SDR, and sides that show different pictures.
    """
    from lumaflux.media.display_light import DisplayLight

    lit = DisplayLight(hdr)
    if lit.is_sdr:
        raise UserError(f"{hdr} is SDR; the HDR side of a pair is PQ, HLG, linear EXR or a gain-map photograph")
    if sdr != hdr and (moving := DisplayLight(sdr)).kind != "picture":
        if lit.kind == "picture":
            raise UserError(f"{sdr} moves and {hdr} is one picture; a pair is two clips, or two pictures")
        return _clips(name, moving, lit, frames)
    return [_pair(name, [(thinned(_sdr_picture(sdr)), thinned(lit.frame().nits))], 0)]


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
        raise UserError(f"{name}: one side holds no frames; give clips of the same shot")
    offset, order = offset_of(thumbnails, list(lit.values())), list(lit)
    shots = []
    for shot in find_shots(signatures):
        places = [place for place in shot if 0 <= place + offset < len(order)]
        places = places[len(places) % _EVERY // 2 :: max(_EVERY, -(-len(places) // _MOST))]
        if places:
            shots.append(places)
    if not shots:
        raise UserError(f"{name}: SDR and HDR share no frame; give clips of the same shot")
    taken = [place for places in shots for place in places]
    first = {frame.number: _codes_of(thinned(frame.nits)) for frame in _only(sdr, [numbers[place] for place in taken])}
    second = {frame.number: thinned(frame.nits) for frame in _only(hdr, [order[place + offset] for place in taken])}
    found = []
    for index, places in enumerate(shots):
        frames = [(first[numbers[place]], second[order[place + offset]]) for place in places]
        found.append(_pair(name if len(shots) == 1 else f"{name}, shot {index + 1}", frames, offset))
    return found


def _only(source: "DisplayLight", numbers: Sequence[int]) -> "Iterator[LitFrame]":
    wanted = set(numbers)
    return source.frames(lambda number: number in wanted)


def _pair(name: str, frames: list[tuple[Picture, Picture]], offset: int) -> LookPair:
    """Codes and light of frames that show the same, as ``matched`` finds on the first."""
    found = matched(luma_of(frames[0][0]), light_of(frames[0][1]))
    if found.correlation < _LEAST_MATCH:
        raise UserError(
            f"{name}: SDR and HDR show different pictures (luminance correlates by {found.correlation:.2f}, "
            f"{_LEAST_MATCH} are needed); pair the same frames"
        )
    notes = tuple(
        f"{name}: the {side} side is cut to {box.width:.0%} x {box.height:.0%} of it"
        for side, box in (("SDR", found.first), ("HDR", found.second))
        if box != Box()
    )
    sdr = np.stack([_small_codes(crop(codes, found.first)) for codes, _ in frames])
    hdr = np.stack([_small_light(crop(nits, found.second)) for _, nits in frames])
    return LookPair(name=name, sdr=sdr, hdr=hdr, match=found.correlation, offset=offset, notes=notes)


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
