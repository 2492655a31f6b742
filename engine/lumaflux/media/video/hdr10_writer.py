"""HDR10 video out: HEVC Main 10 in MP4, QuickTime or Matroska, static metadata measured, sound copied."""

import os
from fractions import Fraction

from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.video.hdr10_stream import Hdr10Encoding
from lumaflux.media.video.probe import probe_video
from lumaflux.media.video.writer import VideoWriter

UNKNOWN_RATE = Fraction(25)  # for the encoder's rate control, where the source states none


class Hdr10Writer(VideoWriter):
    """A :class:`VideoWriter` of HDR10 frames of ``width`` x ``height``.

    ``time_base`` is the unit of the frames' pts in seconds and ``frame_rate`` the nominal rate, if known; pts decide.
    ``master_peak_nits`` is the peak of the mastering display that is declared (BT.2020 primaries, 0.0001 cd/m2
    black); ``preset`` and ``crf`` are x265's. The other options, and what is raised, are :class:`VideoWriter`'s.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        width: int,
        height: int,
        time_base: Fraction,
        *,
        frame_rate: Fraction | None,
        source: str | os.PathLike | None = None,
        copy_audio: bool = True,
        trim_audio: bool = False,
        crf: float = 18.0,
        preset: str = "medium",
        lossless: bool = False,
        master_peak_nits: float = 1000.0,
        sample_aspect_ratio: Fraction = Fraction(1),
        overwrite: bool = False,
    ):
        encoding = Hdr10Encoding(
            width=width + width % 2,
            height=height + height % 2,
            time_base=Fraction(time_base),
            frame_rate=Fraction(frame_rate or UNKNOWN_RATE),
            sample_aspect_ratio=Fraction(sample_aspect_ratio),
            display=container_display(master_peak_nits),
            preset=preset,
            crf=crf,
            lossless=lossless,
        )
        super().__init__(
            path,
            (width, height),
            encoding,
            source=None if source is None else probe_video(source),
            copy_audio=copy_audio,
            trim_audio=trim_audio,
            overwrite=overwrite,
        )
