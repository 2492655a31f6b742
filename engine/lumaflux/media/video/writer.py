"""HDR video out in any encoding: pictures encoded and measured, other streams copied, the file whole or absent."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import numpy as np

from lumaflux.errors import FrameError, UserError
from lumaflux.media.atomic_file import AtomicFile, cannot_write
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import ContentLight
from lumaflux.media.metadata.shot_levels import ShotLevels
from lumaflux.media.sink import Channels, check_picture
from lumaflux.media.standard_streams import STANDARD, StandardOutput
from lumaflux.media.video import isobmff
from lumaflux.media.video.beside import beside
from lumaflux.media.video.encoding import Encoding, video_frame
from lumaflux.media.video.source import open_container
from lumaflux.media.video.stream_copy import CopiedStreams, StreamCopy


class VideoWriter:
    """A :class:`lumaflux.media.sink.Sink` that writes frames of ``size`` (width, height) to ``path`` by ``encoding``.

    The file appears under its name only when it is whole. ``copied``: the streams that come with the pictures.
    ``stated`` light levels are written instead of the measured ones.
    ``-`` is standard output, which takes Matroska, whole at the end.
    A picture whose size the encoding does not have is continued by repeating its last columns and rows.
    Raises UserError for a target that cannot be written or cannot carry the sound, before any frame is taken.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        size: tuple[int, int],
        encoding: Encoding,
        *,
        copied: CopiedStreams | None = None,
        stated: ContentLight | None = None,
        overwrite: bool = False,
    ):
        path = Path(path)
        containers = encoding.containers
        if path != STANDARD and path.suffix.lower() not in containers:
            *others, last = (suffix for suffix in containers if suffix != ".m4v")
            suffixes = f"{', '.join(others)} or {last}" if others else last
            raise UserError(f"{path} names no video container for {encoding.label}; it goes into {suffixes}.")
        if min(size) < encoding.smallest:
            raise UserError(f"{size[0]}x{size[1]} is too small for {encoding.label}; write it as .png pictures.")
        self.levels = ShotLevels(encoding.targeted_nits)
        self.notes: list[str] = []
        self.size = size
        self._encoding = encoding
        self._format = containers[".mkv" if path == STANDARD else path.suffix.lower()]
        sources = () if copied is None else (copied.source.path,)
        self._file = (
            StandardOutput()
            if path == STANDARD
            else AtomicFile(path, overwrite=overwrite, sources=sources, exclusive=True)
        )
        self._copied, self._stated = copied, stated
        self._input: Any = None
        self._output: Any = None
        self._copy: StreamCopy | None = None
        self._last_pts: int | None = None
        self._end = 0.0  # of the last picture, in seconds
        self._finished = False
        self._lights: dict[int, tuple[LightLevels, int]] = {}  # of frames that the encoder holds, by pts; and numbers

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

        found, incoming, copied = None, None, self._copied
        if copied is not None:
            if copied.demuxer is not None and copied.demuxer.claim(copied.source.codec):
                incoming = copied.demuxer.container
            else:
                incoming = self._input = open_container(copied.source.path)
                copied = replace(copied, demuxer=None)
            found = beside(incoming, copied.source, copied.start)
            if found.boxes and self._format == "mov":
                self.notes.append("The spherical or stereo projection is left out: .mov has no box for it; .mp4 has.")
            else:
                self._encoding = replace(self._encoding, boxes=found.boxes)
            self.notes += found.lost
        encoding = self._encoding
        try:
            self._encoder, template = encoding.open()
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"the {encoding.label} encoder does not take {encoding.width}x{encoding.height} with "
                f"{encoding.options()}; choose a preset and a quality it has."
            ) from error
        options = _muxer_options(self._format, encoding.time_base)
        if found is not None and found.own_keys and self._format != "matroska":
            options |= {"movflags": "use_metadata_tags"}
        self._output = av.open(f"file:{self._file.partial}", "w", format=self._format, options=options)
        with template:
            self._stream = encoding.add_stream(self._output, self._encoder, template)
        if copied is not None and found is not None and incoming is not None:
            self._stream.metadata.update(found.metadata)
            self._copy = StreamCopy(incoming, copied, self._output, self._file.target)
            self.notes = self._copy.notes = self.notes + self._copy.notes
        try:
            self._output.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"{self._file.target} cannot carry the sound of its source; choose another container, convert the "
                "sound to FLAC or AAC first, or leave it out with --no-copy-audio."
            ) from error

    def write(self, hdr_pq: np.ndarray, pts: int, duration: int | None = None, **channels: Unpack[Channels]) -> None:
        """Add one frame: PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1] at ``pts``, both times in the time base. It has
        no place for a matte's ``shares``.

        Raises ValueError for another shape or values that are not finite, FrameError when ``pts`` does not come
        after the one before, UserError when the file cannot be written on.
        """
        check_picture(hdr_pq, self.size)
        (width, height), alpha = self.size, channels.get("alpha")
        self._admit(pts, duration)
        encoding = self._encoding
        if self.size != (encoding.width, encoding.height):
            margin = ((0, encoding.height - height), (0, encoding.width - width))
            hdr_pq = np.pad(hdr_pq, ((0, 0), *margin), mode="edge")
            alpha = None if alpha is None else np.pad(alpha, margin, mode="edge")
        self._take(encoding.planes(hdr_pq, alpha), pts, duration, channels.get("sdr"))

    @property
    def wants_sdr(self) -> bool:
        """Whether every frame comes with the ``sdr`` that it was made of."""
        return self._encoding.targeted_nits != 0

    @property
    def takes_codes(self) -> bool:
        """Whether ``write_codes`` may be called."""
        return self._encoding.takes_codes and self.size == (self._encoding.width, self._encoding.height)

    def write_codes(
        self, planes: Sequence[np.ndarray], pts: int, duration: int | None = None, sdr: np.ndarray | None = None
    ) -> None:
        """The same of the codes that :func:`lumaflux.color.yuv420p10.yuv420p10` gives, where ``takes_codes``."""
        width, height = self.size
        if planes[0].shape != (height, width):
            raise ValueError(f"The codes of this file have the shape [{height}, {width}], not {planes[0].shape}.")
        self._admit(pts, duration)
        self._take(planes, pts, duration, sdr)

    def _admit(self, pts: int, duration: int | None) -> None:
        if self._last_pts is not None and pts <= self._last_pts:
            raise FrameError(
                f"The frame at pts {pts} does not come after the one at {self._last_pts}; repair the time stamps."
            )
        encoding = self._encoding
        self._last_pts = pts
        self._end = float(
            (pts + (duration or round(1 / encoding.frame_rate / encoding.time_base))) * encoding.time_base
        )

    def _take(
        self, planes: Sequence[np.ndarray], pts: int, duration: int | None, sdr: np.ndarray | None = None
    ) -> None:
        """Measures and encodes the codes of a frame that was admitted."""
        encoding, light = self._encoding, LightLevels()
        if encoding.takes_codes:
            light.add_codes(planes)
            self.levels.add_coded_frame(light, planes, sdr)
        else:
            shown = encoding.shown_pq(planes)
            light.add_pq(shown)
            self.levels.add_frame(light, shown, sdr)
        self._lights[pts] = light, self.levels.frames - 1
        self._encode(video_frame(encoding, planes, pts, duration))

    def _encode(self, frame: Any) -> None:
        from av.error import FFmpegError

        encoding = self._encoding
        try:
            for packet in self._encoder.encode(frame):
                if encoding.reordering and self.levels.frames <= encoding.reordering:
                    packet.dts = packet.pts
                if packet.is_keyframe:
                    packet = encoding.packet(packet)
                if packet.pts in self._lights:
                    packet = encoding.with_light(packet, *self._lights.pop(packet.pts))
                if self._copy is not None and packet.pts is not None:
                    message = self._copy.caption(packet.pts * encoding.time_base, 1 / encoding.frame_rate)
                    if message is not None and encoding.carries_captions:
                        packet = encoding.with_captions(packet, message)
                packet.stream = self._stream
                if self._copy is not None:
                    self._copy.advance(float((packet.dts or 0) * encoding.time_base))
                self._output.mux(packet)
        except (FFmpegError, OSError) as error:
            raise cannot_write(self._file.target, error) from error

    def _finish(self, trim: bool, name: Path | None = None) -> None:
        from av.error import FFmpegError

        if self._last_pts is None:
            raise UserError(f"No frame came for {self._file.target}; nothing is written.")
        self._encode(None)
        try:
            if self._copy is not None:
                self._copy.advance(self._end) if trim else self._copy.finish()
            self._output.close()
        except (FFmpegError, OSError) as error:
            raise cannot_write(self._file.target, error) from error
        light = self.levels.content_light
        if self._stated and (light.max_cll > self._stated.max_cll or light.max_fall > self._stated.max_fall):
            self.notes.append(
                f"MaxCLL {self._stated.max_cll} and MaxFALL {self._stated.max_fall} are stated; "
                f"{light.max_cll} and {light.max_fall} were measured."
            )
        if self._copy is not None and self._copy.captioned and not self._encoding.carries_captions:
            what = f"Closed captions of {self._copy.captioned} pictures are left out"
            self.notes.append(f"{what}: {self._encoding.label} holds none here.")
        self._encoding.patch(self._file.partial, self._format, self._stated or light)
        if self.wants_sdr:
            self.levels.end()
            messages = [(shot.first, shot.last, shot.dynamic.message()) for shot in self.levels.shots]
            self._encoding.patch_shots(self._file.partial, messages)
        if self._encoding.boxes and self._format == "mp4":
            with self._file.partial.open("r+b") as file:  # Apple's box beside them says two views whatever they are
                isobmff.blank(file, b"vexu")
        self._file.commit(name)
        self._finished = True

    def finish_early(self) -> str:
        """The frames so far become ``NAME.partial.EXT``, with the sound up to their end; says so."""
        if self._last_pts is None:
            return "no frame was finished"
        kept = self._file.early_name()
        self._finish(True, kept)
        return f"the {self.levels.frames} frames that were finished are in {kept}"

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None and not self._finished:
                self._finish(self._copied is not None and self._copied.ends_with_pictures)
        finally:
            self._release()
            self._file.discard()

    def _release(self) -> None:
        from av.error import FFmpegError

        with contextlib.suppress(FFmpegError, OSError):
            if self._output is not None:
                self._output.close()
        if self._input is not None:
            self._input.close()


def _muxer_options(container: str, time_base: Fraction) -> dict[str, str]:
    if container == "matroska":
        return {"write_crc32": "0"}  # the checksums would not survive the patch of the light levels
    ticks = time_base.denominator
    scale = str(ticks * -(-10000 // ticks))  # a late start is kept exactly, not to a millisecond
    return {"movie_timescale": scale, "strict": "unofficial"}  # for the boxes of spherical video
