"""SDR video in: streams upright BT.709 R'G'B' frames with the source's own time stamps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.color import bt1886
from engine.color.primaries import BT709, apply_matrix, rgb_to_rgb
from engine.errors import FrameError, UserError
from engine.media.coding_points import CHROMATICITIES
from engine.media.frame_planes import FramePlanes
from engine.media.info import MediaInfo
from engine.media.video_probe import probe_video
from engine.media.video_source import open_container, video_stream

if TYPE_CHECKING:
    import av


@dataclass(frozen=True, kw_only=True)
class SdrFrame:
    """``sdr``: non-linear BT.709 R'G'B' float32 [3,H,W] in [0,1]; ``pts`` and ``duration`` in ``time_base`` seconds.

    ``duration`` is None where the source does not say.
    """

    sdr: np.ndarray
    pts: int
    time_base: Fraction
    duration: int | None


def refuse_hdr(info: MediaInfo) -> None:
    """Raise UserError when ``info`` is tagged PQ or HLG."""
    if info.is_hdr:
        raise UserError(
            f"{info.path} is HDR already ({info.transfer.value.upper()}); give an SDR file, or read it as if it "
            "were SDR with --force-sdr."
        )


class VideoReader:
    """Iterates over the frames of a video, one at a time, in presentation order; a context manager.

    ``info`` describes the source. Pictures come upright, in BT.709 primaries (other tagged primaries are converted
    in BT.1886 light and clipped), with range and matrix honoured. HDR input is refused unless ``allow_hdr``, which
    reads its signal as if it were SDR.
    Raises UserError for what cannot be read, FrameError for a frame that cannot be decoded.
    """

    def __init__(self, path: str | os.PathLike, *, allow_hdr: bool = False):
        self.info = probe_video(path)
        if not allow_hdr:
            refuse_hdr(self.info)
        where = self.info.path
        self._planes = FramePlanes(self.info.matrix.value, self.info.range.value == "full", where)
        tagged = CHROMATICITIES.get(self.info.primaries.value, BT709)
        self._to_bt709 = None if tagged == BT709 or self.info.is_hdr else rgb_to_rgb(tagged, BT709)
        self._container = open_container(path)
        self._stream = video_stream(self._container, path)
        self._stream.thread_type = "AUTO"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def __iter__(self) -> Iterator[SdrFrame]:
        time_base = self._stream.time_base or Fraction(1, 90000)  # MPEG's clock, where a container has none
        step = 1 / (self.info.frame_rate or Fraction(25)) / time_base
        following = 0
        for number, frame in enumerate(self._decoded()):
            pts = following if frame.pts is None else frame.pts
            duration = frame.duration or None
            following = pts + (duration or round(step))
            yield SdrFrame(sdr=self._sdr(frame, number), pts=pts, time_base=time_base, duration=duration)

    def _decoded(self) -> Iterator[Any]:
        from av.error import FFmpegError

        number = 0
        try:
            for packet in self._container.demux(self._stream):
                for frame in packet.decode():
                    yield frame
                    number += 1
        except FFmpegError as error:
            raise FrameError(
                f"{self.info.path} cannot be decoded after frame {number} ({error.strerror}); it is damaged there."
            ) from error

    def _sdr(self, frame: "av.VideoFrame", number: int) -> np.ndarray:
        turned = self.info.orientation
        size = turned.size(frame.width, frame.height)
        if size != (self.info.width, self.info.height):
            raise FrameError(
                f"{self.info.path} changes its picture size at frame {number} to {size[0]}x{size[1]}; split it there."
            )
        sdr = turned.apply(self._planes.rgb(frame))
        if self._to_bt709 is not None:
            light = apply_matrix(self._to_bt709, bt1886.eotf(sdr, white_nits=1.0))
            sdr = bt1886.inverse_eotf(light.clip(0, 1), white_nits=1.0)
        return sdr
