"""Carries what stands beside the pictures of one file into another: sound, subtitles, captions, chapters, attachments.

Packet for packet, in step with the pictures that are being written.
"""

import io
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.video.captions import CAPTIONED, Captions
from lumaflux.media.video.clock import CLOCK, LEAPING, origin, ticks
from lumaflux.media.video.demuxer import Demuxer, for_the_copy, selected
from lumaflux.media.video.packet_times import packets_on_one_clock
from lumaflux.media.video.source import video_stream

if TYPE_CHECKING:
    import av
    import av.container

_HELD = 10  # seconds of sound that are held at most while captions are looked for: as far as muxers interleave
_DVD = "dvdsub"  # whose last pictures an MP4 file loses
_LONGEST_TEXT = 24 * 3600  # seconds; Matroska's 2^32 - 1 ms means until the next one, and other containers refuse it
_OWN_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "timecode")


def _advice(codec: str) -> str:
    """What to do about sound in ``codec`` that a target cannot carry."""
    import av

    able = []
    for suffix, form in (".mp4", "mp4"), (".mov", "mov"), (".mkv", "matroska"):
        with av.open(io.BytesIO(), "w", format=form) as container:
            able += [suffix] if codec in container.supported_codecs else []
    first = f"choose {' or '.join(able)}, which can" if able else "convert the sound to FLAC or AAC first"
    return f"{first}, or leave it out with --no-copy-audio"


@dataclass(frozen=True, kw_only=True)
class CopiedStreams:
    """What stands beside the pictures of one video and is copied into another.

    Attributes:
        source: The video that is copied from.
        demuxer: The one by which its pictures are read, where these have not been begun; else the file is opened anew.
        sound: Whether sound is copied too.
        start: Seconds of the source that are left out at its beginning.
        ends_with_pictures: Whether the sound ends with the last picture that is written.
    """

    source: MediaInfo
    demuxer: Demuxer | None = None
    sound: bool = True
    start: Fraction = Fraction(0)
    ends_with_pictures: bool = False


class StreamCopy:
    """Copies ``streams``, whose source is open as ``container``, into ``output``: bytes unchanged, ``streams.start``
    seconds earlier. A demuxer in ``streams`` is one of ``container`` that was claimed: a reader takes its pictures.

    Times begin at 0 and go on where the source's clock restarts, as those of its pictures do (:class:`VideoReader`).
    Packets are pulled with the pictures, so nothing grows with the clip; closed captions lie in those of the pictures
    themselves and are asked for by ``caption``. What of subtitles, attachments, data and sound
    of unknown kinds cannot be carried is named in ``notes``. What is due before ``start`` is left out.
    Raises UserError where ``output`` cannot carry one of its known sound streams.
    """

    def __init__(
        self,
        container: "av.container.InputContainer",
        streams: CopiedStreams,
        output: "av.container.OutputContainer",
        target: str | os.PathLike,
    ):
        import av.stream

        source, demuxer = streams.source, streams.demuxer
        self.notes: list[str] = []
        self._output, self._start = output, streams.start
        self._input: Any = container
        self._streams = {}
        self._pictures = pictures = video_stream(container, source.path)
        # seconds of the source's time that are the output's 0; those of sound are no whole ticks of the pictures
        self._origin = origin(container) if source.audio else source.first_stamp * (pictures.time_base or CLOCK)
        self._codec, self._demuxer = source.codec, demuxer
        self._captions = Captions() if source.codec in CAPTIONED else None
        leaping = self._input.format.name in LEAPING  # the pictures' packets tell where parts begin
        self._needs_pictures = leaping or self._captions is not None
        needed = self._needs_pictures or demuxer is not None
        for stream in self._input.streams:
            copied = stream is not pictures and (streams.sound or stream.type != "audio")
            copy = self._add(stream, target) if copied else None
            if copy is None:
                if not (needed and stream is pictures):
                    stream.discard = av.stream.Discard.all
            elif stream.type != "attachment":
                self._streams[stream.index] = copy
        self._copy_description()
        self._packets = self._demux() if self._streams or self._captions is not None else iter(())
        if demuxer is not None and not self._streams and self._captions is None:
            demuxer.release()
        self._waiting: deque[av.Packet] = deque()  # to be copied

    def _add(self, stream: Any, target: str | os.PathLike) -> Any:

        codec = stream.codec_context.name if stream.codec_context else "unknown codec"
        if stream.type == "audio" and stream.codec_context is None:
            self.notes.append(f"sound stream {stream.index} is left out: its codec is unknown.")
            return None
        try:
            if stream.type == "attachment":
                if self._output.format.name != "matroska":
                    raise ValueError
                return self._output.add_attachment(stream.name, stream.mimetype, stream.data)
            if stream.type not in ("audio", "subtitle") or (codec == _DVD and self._output.format.name != "matroska"):
                raise ValueError
            copy = self._output.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            if stream.type == "audio":
                raise UserError(
                    f"{target} cannot carry sound stream {stream.index} ({codec}) of the source; {_advice(codec)}."
                ) from error
            if stream.type == "data" and "timecode" in stream.metadata:
                return None  # it goes along with the pictures
            self.notes.append(self._named(stream, codec, target))
            return None
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        return copy

    def _named(self, stream: Any, codec: str, target: str | os.PathLike) -> str:
        """What is left out, so that people know it again, and why."""
        import av.stream

        own = [
            codec,
            *(stream.metadata[key] for key in ("language", "title") if stream.metadata.get(key, "und") != "und"),
        ]
        facts, place = ", ".join(own), f"stream {stream.index}"
        if stream.type == "video" and not stream.disposition & av.stream.Disposition.attached_pic:
            return f"second video {place} ({facts}) is left out: one video stream is converted."
        kind = "cover picture" if stream.type == "video" else stream.type
        return f"{kind} {place} ({facts}) is left out: {target} cannot carry it."

    def _copy_description(self) -> None:
        """Title, place, camera and the like, and the chapters."""
        kept = {key: text for key, text in self._input.metadata.items() if key.lower() not in _OWN_TAGS}
        if "location" in kept:  # libavformat gives it a second time, with a language
            kept = {key: text for key, text in kept.items() if not key.startswith("location-")}
        self._output.metadata.update(kept)
        chapters = []
        for chapter in self._input.chapters():
            shift = round(self._start / chapter["time_base"])
            if chapter["end"] > shift:
                moved = {"start": max(0, chapter["start"] - shift), "end": chapter["end"] - shift}
                chapters.append({**chapter, **moved})
        if chapters:
            self._output.set_chapters(chapters)

    def _demux(self) -> Iterator["av.Packet"]:
        """Packets in the output's time, rising in each stream; those that cannot follow are left out and counted."""
        last: dict[int, int] = {}
        left_out = 0
        for packet in packets_on_one_clock(self._in_file_order(), self._input.format.name, self._pictures):
            shift = ticks(self._origin + self._start, packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            if packet.stream_index == self._pictures.index:
                yield packet
                continue
            if self._start and any(stamp is not None and stamp < 0 for stamp in (packet.pts, packet.dts)):
                continue
            if packet.duration and packet.duration * (packet.time_base or 0) > _LONGEST_TEXT:
                packet.duration = 0
            stamp, index = packet.pts if packet.dts is None else packet.dts, packet.stream_index
            if stamp is not None:
                if stamp < last.get(index, stamp):
                    left_out += 1
                    continue
                last[index] = stamp
            yield packet
        if left_out:
            self.notes.append(f"Packets of sound or text that lie before their place are left out: {left_out}.")

    def _in_file_order(self) -> Iterator[Any]:
        if self._demuxer is not None:
            return self._demuxer.beside(set(self._streams))
        streams = [self._input.streams[i] for i in self._streams]
        if self._needs_pictures:
            streams.append(self._pictures)
        return for_the_copy(selected(self._input, *streams), self._pictures, self._codec)

    def _read_on(self) -> bool:
        """Takes one packet more; False at the end."""
        packet = next(self._packets, None)
        if packet is None:
            return False
        if packet.stream_index in self._streams:
            self._waiting.append(packet)
        elif self._captions is not None:
            self._captions.add(packet)
        return True

    def advance(self, seconds: float) -> None:
        """Write what is due before ``seconds`` of presentation time."""
        while self._streams:
            while not self._waiting:
                if not self._read_on():
                    return
            if _seconds(self._waiting[0]) >= seconds:
                return
            packet = self._waiting.popleft()
            packet.stream = self._streams[packet.stream_index]
            self._output.mux(packet)

    def caption(self, time: Fraction, frame: Fraction) -> bytes | None:
        """The T.35 message of the picture at ``time`` seconds of the output; ``frame`` is its duration."""
        if self._captions is None:
            return None
        while self._captions.lack(time) and not self._holds(time + _HELD) and self._read_on():
            pass
        return self._captions.message(time, frame)

    def _holds(self, time: Fraction) -> bool:
        """Whether a packet waits that is due at ``time`` or later: pictures that end before the sound have no more to
        tell, and all of the sound would be held."""
        return bool(self._waiting) and _seconds(self._waiting[-1]) >= time

    @property
    def captioned(self) -> int:
        """How many of the pictures that were asked for had captions."""
        return 0 if self._captions is None else self._captions.found

    def finish(self) -> None:
        """Write what is left."""
        self.advance(float("inf"))


def _seconds(packet: "av.Packet") -> float:
    """When the packet is due; one without any time stamp is due at once."""
    stamp = packet.pts if packet.dts is None else packet.dts
    return 0.0 if stamp is None or packet.time_base is None else float(stamp * packet.time_base)
