"""SDR of a segment: rendered, flawed, and compressed as video (x264) or as pictures (JPEG)."""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.lab.data.curation.specification import CorpusSpecification
from lumaflux.lab.data.draws import happens
from lumaflux.lab.data.imperfections import imperfections
from lumaflux.lab.data.renderings import render_jittered, render_outside
from lumaflux.lab.data.shards import Rendering
from lumaflux.lab.data.x264_clip import X264Encoding, quantise_sdr, write_x264

FRAME_RATE = Fraction(25)


@dataclass(frozen=True, kw_only=True)
class Degraded:
    """``frames`` uint8 [F,3,S,S], full range."""

    frames: NDArray[np.uint8]
    rendering: Rendering


def degrade(hdr_pq: NDArray[np.float32], specification: CorpusSpecification, seed: int, *, video: bool) -> Degraded:
    """Masters [F,3,S,S] -> one SDR version, its parameters drawn from ``seed`` and the same for every frame."""
    outside, flawed = (
        happens(share, _generator(seed, 1 + i)) for i, share in enumerate((specification.outside, specification.flawed))
    )
    name, frames = "", []
    for master in torch.from_numpy(hdr_pq).split(1):
        generator = _generator(seed, 0)  # again for each frame: a clip has one look
        signal, name = (render_outside if outside else render_jittered)(master, generator)
        if outside or flawed:
            signal = imperfections(signal, generator)
        frames.append(quantise_sdr(signal[0].numpy()))
    rendered = np.stack(frames)
    generator = _generator(seed, 3)
    if happens(specification.uncompressed, generator):
        return Degraded(frames=rendered, rendering=Rendering(name=name))
    if video:
        crf = specification.crf[int(torch.randint(len(specification.crf), (), generator=generator))]
        return Degraded(frames=through_x264(rendered, crf), rendering=Rendering(name=name, crf=crf))
    low, high = specification.jpeg
    quality = low + int(torch.randint(high - low + 1, (), generator=generator))
    return Degraded(frames=through_jpeg(rendered, quality), rendering=Rendering(name=name, jpeg=quality))


def _generator(seed: int, purpose: int) -> torch.Generator:
    return torch.Generator().manual_seed(4 * seed + purpose)


def through_x264(frames: NDArray[np.uint8], crf: int) -> NDArray[np.uint8]:
    """uint8 [F,3,S,S] as a video of its own, encoded and decoded."""
    from lumaflux.media.video.reader import VideoReader

    with TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_x264(clip, frames, X264Encoding(crf=crf, frame_rate=FRAME_RATE))
        with VideoReader(clip) as reader:
            return np.stack([quantise_sdr(frame.sdr) for frame in reader])


def through_jpeg(frames: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """uint8 [F,3,S,S], each a JPEG of this quality, 4:2:0."""
    from PIL import Image

    decoded = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))).save(
            file, "JPEG", quality=quality, subsampling=2
        )
        decoded.append(np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1))
    return np.stack(decoded)
