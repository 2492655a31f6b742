"""HDR10 videos that tests write: encoded as `hdr10` is delivered, for a mastering display of 1000 cd/m2."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.output_profiles import OUTPUT_PROFILES, video_encoding
from lumaflux.media.video.stream_copy import CopiedStreams
from lumaflux.media.video.writer import VideoWriter


def hdr10_writer(
    path: Path,
    size: tuple[int, int],
    *,
    time_base: Fraction = Fraction(1, 25),
    frame_rate: Fraction = Fraction(25),
    copied: CopiedStreams | None = None,
    overwrite: bool = False,
    **coding: Any,
) -> VideoWriter:
    """A writer of frames of ``size`` (width, height); ``coding``: fields of Hdr10Encoding to change."""
    display = container_display(1000)
    encoding = video_encoding(OUTPUT_PROFILES["hdr10"], size, time_base, frame_rate, Fraction(1), display)
    coding = {"preset": "ultrafast", **coding}
    return VideoWriter(path, size, replace(encoding, **coding), copied=copied, overwrite=overwrite)


def streams_of(path: Path, **how: Any) -> CopiedStreams:
    """What stands beside the pictures of a video; ``how``: fields of CopiedStreams to change."""
    return CopiedStreams(source=probe(path), **how)
