"""Sequences whose SDR comes as it is: gain-map photographs, native pairs, colourists' grades."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import bt1886
from lumaflux.errors import UserError
from lumaflux.lab.data.gain_map import pair_of
from lumaflux.lab.data.hdr_video import Sampling, masters, probe_hdr
from lumaflux.lab.data.layouts.named import PAIRS
from lumaflux.lab.data.layouts.records import Pair
from lumaflux.lab.data.pair_pictures import read_pq_picture, read_sdr_codes, write_sdr_picture
from lumaflux.lab.data.scenes import scene_table
from lumaflux.lab.data.x264_clip import X264Encoding, quantise_sdr, write_x264
from lumaflux.lab.evaluation.sets.manifest import sha256
from lumaflux.lab.evaluation.sets.recorded import root_of, sequence_name
from lumaflux.lab.evaluation.sets.sequence import Companion, Sequence
from lumaflux.lab.evaluation.sets.specification import GainMapSource, PairSource, Specification
from lumaflux.media.gainmap.photograph import GAIN_MAP_SUFFIXES, read_gain_map_photograph
from lumaflux.media.scaling import fit_within, reduce_area
from lumaflux.media.video.probe import probe_video
from lumaflux.media.video.reader import VideoReader

_RATE_TOLERANCE = 1e-3  # relative, 30 against 29.97


def gain_map_sequences(wanted: GainMapSource, specification: Specification, hdr_dir: Path | None) -> list[Sequence]:
    """One picture a photograph of the split. Raises UserError when there is none."""
    folder = None if hdr_dir is None else hdr_dir / wanted.folder
    if folder is None or not folder.is_dir():
        if wanted.optional:
            return []
        raise UserError(
            f"the set needs the folder {wanted.folder} below HDR_DIR ({hdr_dir}); name the one that holds it"
        )
    table = scene_table()
    photographs = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in GAIN_MAP_SUFFIXES]
    chosen = [path for path in photographs if table.split(table.scene(path.stem)) == specification.split]
    if not chosen:
        raise UserError(
            f"{folder} holds no photograph of the split '{specification.split}' (engine/lumaflux/lab/data/scenes.yaml)"
        )
    return [_photograph(path, wanted, specification) for path in chosen]


def _photograph(path: Path, wanted: GainMapSource, specification: Specification) -> Sequence:
    def write_sdr(target: Path) -> None:
        sdr, _ = pair_of(read_gain_map_photograph(path), wanted.within)
        write_sdr_picture(target, quantise_sdr(sdr), "srgb")

    def master() -> Iterator[NDArray[np.float32]]:
        yield pair_of(read_gain_map_photograph(path), wanted.within)[1]

    return Sequence(
        name=sequence_name(f"{wanted.folder}/{path.stem}", 0, (0,)),
        scene=scene_table().scene(path.stem),
        split=specification.split,
        content=wanted.content,
        licence=wanted.licence,
        frames=1,
        frame_rate=None,
        made_from={"source": path.name, "sha256": sha256(path), "within": wanted.within},
        masters=master,
        rendered=False,
        companions=(Companion(rendering="gain-map", crf=None, suffix=".png", write=write_sdr),),
    )


def pair_sequences(wanted: PairSource, specification: Specification, roots: dict[str, Path]) -> list[Sequence]:
    """The collection's pairs of the split: all SDR versions of an HDR picture or stretch share its references.

    Raises UserError when the collection is missing, laid out otherwise, or has nothing of the split.
    """
    root = root_of(wanted, roots)
    if root is None:
        return []
    chosen = [pair for pair in PAIRS[wanted.collection](root) if pair.split == specification.split]
    if not chosen:
        raise UserError(
            f"the collection '{wanted.collection}' in {root} has no pair of the split '{specification.split}'"
        )
    sequences = []
    for _, group in groupby(sorted(chosen, key=lambda pair: (pair.name, pair.rendering, pair.crf or 0)), _name):
        versions = list(group)
        if versions[0].medium == "picture":
            sequences.append(_pictures(versions))
        else:
            sequences += [_stretch(versions, wanted, specification, start) for start in wanted.starts]
    return sequences


def _name(pair: Pair) -> str:
    return pair.name


def _pictures(versions: list[Pair]) -> Sequence:
    """Codes untouched on both sides: figures on them compare with published ones."""
    first = versions[0]

    def master() -> Iterator[NDArray[np.float32]]:
        yield read_pq_picture(first.hdr)

    def write_sdr(sdr: Path, target: Path) -> None:
        write_sdr_picture(target, read_sdr_codes(sdr), "bt709")  # frames of a video

    return Sequence(
        name=sequence_name(first.name, 0, (0,)),
        scene=first.scene,
        split=first.split,
        content=first.content,
        licence=first.licence,
        frames=1,
        frame_rate=None,
        made_from={
            "source": first.name,
            "sha256": sha256(first.hdr),
            "sdr": {pair.rendering: sha256(pair.sdr) for pair in versions},
        },
        masters=master,
        rendered=False,
        companions=tuple(
            Companion(rendering=pair.rendering, crf=pair.crf, suffix=".png", write=partial(write_sdr, pair.sdr))
            for pair in versions
        ),
    )


def _stretch(versions: list[Pair], wanted: PairSource, specification: Specification, start: int) -> Sequence:
    first = versions[0]
    hdr = probe_hdr(first.hdr)
    rate, box = hdr.frame_rate, wanted.within or (hdr.width, hdr.height)
    if rate is None:
        raise UserError(f"{first.hdr} does not say its frame rate; remux it with one")
    for pair in versions:
        sdr = probe_video(pair.sdr)
        if sdr.frame_rate is not None and abs(sdr.frame_rate / rate - 1) > _RATE_TOLERANCE:
            raise UserError(f"{pair.sdr} has {float(sdr.frame_rate):g} frames a second, {pair.hdr} {float(rate):g}")
        box = min(box[0], sdr.width), min(box[1], sdr.height)
    size = fit_within(hdr.width, hdr.height, box)
    sampling = Sampling(start=start, count=specification.frames, stride=wanted.stride)
    frame_rate = Fraction(rate) / wanted.stride
    exact = X264Encoding(crf=None, frame_rate=frame_rate)

    def write_sdr(path: Path, target: Path) -> None:
        write_x264(target, sdr_frames(path, sampling, size), exact)

    return Sequence(
        name=sequence_name(first.name, start, wanted.starts),
        scene=first.scene,
        split=first.split,
        content=first.content,
        licence=first.licence,
        frames=specification.frames,
        frame_rate=frame_rate,
        made_from={
            "source": first.name,
            "sha256": sha256(first.hdr),
            "sdr": {f"{pair.rendering}-{pair.crf}": sha256(pair.sdr) for pair in versions},
            "start": start,
            "stride": wanted.stride,
            "size": size,
        },
        masters=partial(masters, first.hdr, sampling, size),
        rendered=False,
        companions=tuple(
            Companion(rendering=pair.rendering, crf=pair.crf, suffix=".mp4", write=partial(write_sdr, pair.sdr))
            for pair in versions
        ),
    )


def sdr_frames(path: Path, sampling: Sampling, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """R'G'B' codes uint8 [3,H,W] of an SDR video, reduced in BT.1886 light to ``size`` (width, height).

    Raises UserError for another shape of picture, and when the video ends before the last frame asked for.
    """
    number = -1
    with VideoReader(path) as reader:
        if fit_within(reader.info.width, reader.info.height, size) != size:
            raise UserError(f"{path} has the size {reader.info.width}x{reader.info.height}, another shape than its HDR")
        for number, frame in enumerate(reader):
            if sampling.takes(number):
                sdr = frame.sdr
                if (sdr.shape[2], sdr.shape[1]) != size:
                    light = reduce_area(bt1886.eotf(sdr, white_nits=1.0), *size)
                    sdr = bt1886.inverse_eotf(light, white_nits=1.0)
                yield quantise_sdr(sdr)
            if number == sampling.last:
                return
    raise UserError(f"{path} has {number + 1} frames, of which number {sampling.last} is wanted")
