"""HDR10 video out: HEVC Main 10 in MP4, QuickTime or Matroska, static metadata measured, sound copied."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.color import ycbcr
from engine.color.primaries import BT2020_LUMA
from engine.color.yuv420p10 import yuv420p10
from engine.errors import FrameError, UserError
from engine.media.atomic_file import AtomicFile
from engine.media.hdr10_stream import Hdr10Encoding, with_room
from engine.media.light_levels import LightLevels, check_frame
from engine.media.light_patch import patch_light_levels
from engine.media.mastering import container_display
from engine.media.sound_copy import SoundCopy

if TYPE_CHECKING:
    import av

_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_REORDERING = 2  # frames by which x265 delays decoding; it leaves the dts of shorter clips (which need none) undefined
_UNKNOWN_RATE = 25  # for the encoder's rate control, where the source states none
_SMALLEST = 16  # x265 encodes nothing smaller


class Hdr10Writer:
    """Context manager that writes PQ/BT.2020 frames to ``path``; the file appears under its name only when it is whole.

    ``time_base`` is the unit of the frames' pts in seconds and ``frame_rate`` the nominal rate, if known; pts decide.
    ``source`` names the file whose sound is copied (unless ``copy_audio`` is False; ``trim_audio`` ends it with the
    last picture, for a part of a clip); ``master_peak_nits`` is the
    peak of the mastering display that is declared (BT.2020 primaries, 0.0001 cd/m2 black). An odd width or height
    is made even by repeating the last column or row, for 4:2:0 has no odd sizes.
    Raises UserError for a target that cannot be written or carry the sound, before any frame is taken.
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
        path = Path(path)
        if path.suffix.lower() not in _CONTAINERS:
            raise UserError(f"{path} does not name a video container; HDR10 goes into .mp4, .mov or .mkv.")
        if min(width, height) < _SMALLEST:
            raise UserError(f"{width}x{height} is too small for HEVC; write it as .png pictures.")
        self.levels = LightLevels()
        self.size = (width, height)
        self._format = _CONTAINERS[path.suffix.lower()]
        self._file = AtomicFile(path, overwrite=overwrite, sources=() if source is None else (source,))
        self._source = source if copy_audio else None
        self._trim_audio = trim_audio
        self._output: Any = None
        self._sound: SoundCopy | None = None
        self._last_pts: int | None = None
        self._encoding = Hdr10Encoding(
            width=width + width % 2,
            height=height + height % 2,
            time_base=Fraction(time_base),
            frame_rate=Fraction(frame_rate or _UNKNOWN_RATE),
            sample_aspect_ratio=Fraction(sample_aspect_ratio),
            display=container_display(master_peak_nits),
            preset=preset,
            crf=crf,
            lossless=lossless,
        )

    def __enter__(self) -> Self:
        self._file.create()
        with contextlib.ExitStack() as undo:
            undo.callback(self._file.discard)
            undo.callback(self._release)
            self._open()
            undo.pop_all()
        return self

    def _open(self) -> None:
        import av
        from av.error import FFmpegError

        try:
            self._encoder, template = self._encoding.open()
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"x265 does not take {self._encoding.width}x{self._encoding.height} at preset "
                f"{self._encoding.preset!r}, crf {self._encoding.crf:g}; choose a preset it has and a crf of 0 to 51."
            ) from error
        options = _muxer_options(self._format, self._encoding.time_base)
        self._output = av.open(f"file:{self._file.partial}", "w", format=self._format, options=options)
        with template:
            self._stream = self._encoding.add_stream(self._output, self._encoder, template)
        if self._source is not None:
            self._sound = SoundCopy(self._source, self._output, self._file.target)
        try:
            self._output.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"{self._file.target} cannot carry the sound of {self._source}; choose a container that can "
                "(.mkv carries most), or leave the sound out with --no-copy-audio."
            ) from error

    def write(self, hdr_pq: np.ndarray, pts: int, duration: int | None = None) -> None:
        """Add one frame: PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1] at ``pts``, both times in ``time_base``.

        Raises ValueError for another shape or values that are not finite, FrameError when ``pts`` does not come
        after the one before, UserError when the file cannot be written on.
        """
        width, height = self.size
        if hdr_pq.shape != (3, height, width):
            raise ValueError(f"A frame of this file has the shape [3, {height}, {width}], not {hdr_pq.shape}.")
        check_frame(hdr_pq)
        if self._last_pts is not None and pts <= self._last_pts:
            raise FrameError(
                f"The frame at pts {pts} does not come after the one at {self._last_pts}; repair the time stamps."
            )
        self._last_pts = pts
        hdr_pq = np.pad(hdr_pq, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
        planes = yuv420p10(hdr_pq)
        self.levels.add_pq(_signal(planes))
        self._encode(_video_frame(planes, pts, duration, self._encoding.time_base))

    def _encode(self, frame: "av.VideoFrame | None") -> None:
        from av.error import FFmpegError

        try:
            for packet in self._encoder.encode(frame):
                if self.levels.frames <= _REORDERING:
                    packet.dts = packet.pts
                if packet.is_keyframe:
                    packet = with_room(packet)
                packet.stream = self._stream
                if self._sound is not None:
                    self._sound.advance(float((packet.dts or 0) * self._encoding.time_base))
                self._output.mux(packet)
        except (FFmpegError, OSError) as error:
            raise UserError(
                f"{self._file.target} cannot be written on ({error.strerror}); is the disk full?"
            ) from error

    def _finish(self) -> None:
        from av.error import FFmpegError

        if self._last_pts is None:
            raise UserError(f"No frame came for {self._file.target}; nothing is written.")
        self._encode(None)
        try:
            if self._sound is not None and not self._trim_audio:
                self._sound.finish()
            self._output.close()
        except (FFmpegError, OSError) as error:
            raise UserError(f"{self._file.target} cannot be finished ({error.strerror}); is the disk full?") from error
        patch_light_levels(self._file.partial, self._format, self.levels.content_light)
        self._file.commit()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._release()
            self._file.discard()

    def _release(self) -> None:
        from av.error import FFmpegError

        with contextlib.suppress(FFmpegError, OSError):
            if self._output is not None:
                self._output.close()
        if self._sound is not None:
            self._sound.close()


def _muxer_options(container: str, time_base: Fraction) -> dict[str, str]:
    if container == "matroska":
        return {"write_crc32": "0"}  # the checksums would not survive the patch of the light levels
    ticks = time_base.denominator
    return {"movie_timescale": str(ticks * -(-10000 // ticks))}  # a late start is kept exactly, not to a millisecond


def _signal(planes: tuple[np.ndarray, ...]) -> np.ndarray:
    """What a display makes of the codes: PQ R'G'B' float32 [3,H,W]."""
    luma, *chroma = (plane.astype(np.float32) for plane in planes)
    full = [ycbcr.upsample_420(plane, "topleft", luma.shape) for plane in chroma]
    return ycbcr.ycbcr_to_rgb(ycbcr.from_codes(np.stack([luma, *full]), 10, False), BT2020_LUMA)


def _video_frame(planes: tuple[np.ndarray, ...], pts: int, duration: int | None, time_base: Fraction) -> Any:
    import av

    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, "yuv420p10le")
    plane: Any
    for plane, codes in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        rows[:, : plane.width] = codes
    frame.pts, frame.time_base = pts, time_base
    if duration is not None:
        frame.duration = duration
    return frame
