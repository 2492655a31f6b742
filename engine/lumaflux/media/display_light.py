"""What a display makes of any file: pictures, clips and sequences as light in cd/m2, for eyes, scopes and scores."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import hlg, pq
from lumaflux.color.primaries import BT709, BT2020, Primaries, apply_matrix, rgb_to_rgb
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS, sdr_to_linear2020
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.info import MediaInfo, probe
from lumaflux.media.stills.sequence_path import SequencePath

Light = NDArray[np.float32]  # BT.2020 [3,H,W] in cd/m2
_NO_BASE = re.compile(r"Dolby Vision profile \d+")  # without the digit of a base layer that plain decoders show
LARGEST_PIXELS = 1 << 27  # of a frame: 16K UHD; a header that says more would fill the memory


@dataclass(frozen=True, kw_only=True)
class LitFrame:
    """``number`` counts from 0 in a clip, and is that of the file in a sequence."""

    number: int
    nits: Light


class DisplayLight:
    """The frames of ``path``: a picture, a clip, or a numbered sequence such as ``shot.%04d.exr``.

    PQ is absolute; HLG is shown on 1000 cd/m2; SDR white, 1 in EXR files that state no ``whiteLuminance``, and the base
    of a gain map lie at 203 cd/m2 (BT.2408-7 2.2). HDR that is tagged by other words than a transfer is read as PQ.
    Raises UserError for what cannot be read or is no picture, and for Dolby Vision without a base layer, whose colors
    (IPT) are those of no other.
    """

    def __init__(self, path: Path):
        self.path = path
        self.pattern = SequencePath.parse(path)
        self.numbers = None if self.pattern is None else self.pattern.numbers()
        first = path if self.pattern is None or not self.numbers else self.pattern.file(self.numbers[0])
        self.info: MediaInfo = probe(first)
        if self.info.width * self.info.height > LARGEST_PIXELS:
            raise UserError(
                f"{path} has {self.info.width}x{self.info.height} pixels, more than {LARGEST_PIXELS}; make it smaller"
            )
        if self.info.hdr is not None and _NO_BASE.fullmatch(self.info.hdr):
            raise UserError(f"{path} is {self.info.hdr}, whose colors are not read; export PQ, HLG or profile 8 of it")
        if self.pattern is not None and self.info.kind == "video":
            raise UserError(f"{first} is a video; name it alone, or a sequence of pictures")

    @property
    def kind(self) -> Literal["picture", "clip", "sequence"]:
        return "sequence" if self.pattern is not None else "picture" if self.info.kind == "still" else "clip"

    @property
    def is_sdr(self) -> bool:
        """Whether it is shown with its white at 203 cd/m2, for nothing in it says more."""
        return not (self.info.is_hdr or self.info.codec == "openexr" or self.has_gain_map)

    @property
    def has_gain_map(self) -> bool:
        return "gain map" in self.info.dropped and not self.info.is_hdr

    def frames(self, wants: Callable[[int], bool] = lambda number: True) -> Iterator[LitFrame]:
        """The frames whose numbers are wanted, in order. Raises FrameError for one that cannot be decoded."""
        if self.pattern is not None:
            for number in filter(wants, self.numbers or ()):
                path = self.pattern.file(number)
                yield LitFrame(number=number, nits=_still_light(path, probe(path)))
        elif self.info.kind == "still":
            if wants(0):
                yield LitFrame(number=0, nits=_still_light(self.path, self.info))
        else:
            yield from self._video(wants)

    def frame(self, number: int | None = None) -> LitFrame:
        """The frame of that number, or the first. Raises UserError where it is not there."""
        found = next(self.frames(lambda each: number is None or each == number), None)
        if found is None:
            raise UserError(f"{self.path} has no frame {number}; {self._counted()}")
        return found

    def _counted(self) -> str:
        if self.numbers:
            return f"its frames are {self.numbers[0]} to {self.numbers[-1]}"
        return "it is one picture, frame 0" if self.kind == "picture" else "a clip's frames count from 0"

    def _video(self, wants: Callable[[int], bool]) -> Iterator[LitFrame]:
        from lumaflux.media.video.reader import VideoReader

        with VideoReader(self.path, allow_hdr=True, interlaced="progressive") as reader:
            for frame in reader.frames(wants):
                nits = _signal_light(frame.sdr, self.info) if self.info.is_hdr else _sdr_light(frame.sdr)
                yield LitFrame(number=frame.number, nits=nits)
            reader.check_whole()


def _still_light(path: Path, info: MediaInfo) -> Light:
    from lumaflux.media.gainmap.photograph import read_gain_map_photograph
    from lumaflux.media.stills.picture import read_still

    if "gain map" in info.dropped and not info.is_hdr:
        return read_gain_map_photograph(path).hdr_nits()
    if info.codec == "openexr":
        return _exr_light(path)
    if info.is_hdr:
        return _signal_light(read_still(path, allow_hdr=True).sdr, info)
    return _sdr_light(read_still(path).bt1886)


def _exr_light(path: Path) -> Light:
    from lumaflux.media.stills.linear_picture import primaries_of
    from lumaflux.media.stills.picture import read_still
    from lumaflux.media.stills.probe import open_picture

    with open_picture(path) as (source, _):
        spec = source.spec()
        primaries = primaries_of(spec.getattribute("chromaticities")) or BT709
        white = spec.get_float_attribute("whiteLuminance", 0.0)
    white = white if 0 < white <= pq.PQ_PEAK_NITS else REFERENCE_WHITE_NITS
    return _in_bt2020(np.float32(white) * read_still(path, raw=True).sdr, primaries)


def _signal_light(signal: Light, info: MediaInfo) -> Light:
    tagged = info.primaries.source == "tagged" and info.transfer.value in ("pq", "hlg")
    if tagged and info.primaries.value not in CHROMATICITIES:
        raise UserError(f"{info.path} has {info.primaries.value} primaries, which are not read; convert it to BT.2020")
    primaries = CHROMATICITIES[info.primaries.value] if tagged else BT2020
    return _bounded(light_in_bt2020(signal, info.transfer.value, primaries))


def light_in_bt2020(signal: NDArray, transfer: str, primaries: Primaries) -> NDArray:
    """PQ (or what is none of the two) or HLG in any primaries -> cd/m2 in BT.2020; below 0 outside of it."""
    if transfer == "hlg":  # the OOTF goes by the luminance of BT.2020
        return hlg.ootf(_to_bt2020(hlg.inverse_oetf(signal), primaries))
    return _to_bt2020(pq.eotf(signal), primaries)


def _sdr_light(bt1886: Light) -> Light:
    return np.asarray(REFERENCE_WHITE_NITS * sdr_to_linear2020(bt1886), np.float32)


def _in_bt2020(nits: NDArray, primaries: Primaries) -> Light:
    return _bounded(_to_bt2020(nits, primaries))


def _to_bt2020(light: NDArray, primaries: Primaries) -> NDArray:
    return light if primaries == BT2020 else apply_matrix(rgb_to_rgb(primaries, BT2020), light)


def _bounded(nits: NDArray) -> Light:
    return np.asarray(nits, np.float32).clip(0, pq.PQ_PEAK_NITS)
