"""Carries what stands beside the pictures of one file into another: sound, subtitles, chapters, attachments.

Packet for packet, in step with the pictures that are being written.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.media.video.source import open_container

if TYPE_CHECKING:
    import av
    import av.container

AHEAD_SECONDS = 0.5  # how far sound may lead the pictures; keeps the muxer's queue short
_OWN_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration")


class StreamCopy:
    """Copies the other streams of ``source`` into ``output``: bytes unchanged, time stamps less ``start`` seconds.

    Packets are pulled at most ``ahead`` seconds before the pictures, so nothing grows with the clip. What of
    subtitles, attachments and data the output's container cannot carry is named in ``notes``. What is due before
    ``start`` is left out.
    Raises UserError when the source cannot be read, or the container cannot carry one of its sound streams.
    """

    def __init__(
        self,
        source: str | os.PathLike,
        output: "av.container.OutputContainer",
        target: str | os.PathLike,
        *,
        sound: bool = True,
        start: Fraction = Fraction(0),
        ahead: float = AHEAD_SECONDS,
    ):
        import av.stream

        self.notes: list[str] = []
        self._output, self._start, self._ahead = output, start, ahead
        self._input: Any = open_container(source)
        self._streams = {}
        pictures = next((stream for stream in self._input.streams.video), None)
        for stream in self._input.streams:
            copied = stream is not pictures and (sound or stream.type != "audio")
            copy = self._add(stream, target) if copied else None
            if copy is None:
                stream.discard = av.stream.Discard.all
            elif stream.type != "attachment":
                self._streams[stream.index] = copy
        self._copy_description()
        self._packets = self._demux()
        self._pending = next(self._packets, None)

    def _add(self, stream: Any, target: str | os.PathLike) -> Any:
        codec = stream.codec_context.name if stream.codec_context else "unknown codec"
        try:
            if stream.type == "attachment":
                if self._output.format.name != "matroska":
                    raise ValueError
                return self._output.add_attachment(stream.name, stream.mimetype, stream.data)
            if stream.type not in ("audio", "subtitle"):
                raise ValueError
            copy = self._output.add_stream_from_template(stream, opaque=True)
        except (ValueError, NotImplementedError) as error:
            if stream.type == "audio":
                raise UserError(
                    f"{target} cannot carry sound stream {stream.index} ({codec}) of the source; "
                    "choose a container that can (.mkv carries most), or leave the sound out with --no-copy-audio."
                ) from error
            kind = "cover picture" if stream.type == "video" else stream.type
            self.notes.append(f"{kind} stream {stream.index} ({codec}) is left out: {target} cannot carry it.")
            return None
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        return copy

    def _copy_description(self) -> None:
        """Title and the like, and the chapters."""
        kept = {key: text for key, text in self._input.metadata.items() if key.lower() not in _OWN_TAGS}
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
        if not self._streams:
            return
        for packet in self._input.demux(*[self._input.streams[i] for i in self._streams]):
            if not packet.size:
                continue
            if self._start:
                shift = round(self._start / packet.time_base)
                stamps = [None if stamp is None else stamp - shift for stamp in (packet.pts, packet.dts)]
                if any(stamp is not None and stamp < 0 for stamp in stamps):
                    continue
                packet.pts, packet.dts = stamps
            yield packet

    def advance(self, seconds: float) -> None:
        """Write what is due before ``seconds`` of presentation time, or a little after."""
        while self._pending is not None and _seconds(self._pending) < seconds + self._ahead:
            self._pending.stream = self._streams[self._pending.stream_index]
            self._output.mux(self._pending)
            self._pending = next(self._packets, None)

    def finish(self) -> None:
        """Write what is left."""
        self.advance(float("inf"))

    def close(self) -> None:
        """Release the source."""
        self._input.close()


def _seconds(packet: "av.Packet") -> float:
    """When the packet is due; one without any time stamp is due at once."""
    stamp = packet.pts if packet.dts is None else packet.dts
    return 0.0 if stamp is None or packet.time_base is None else float(stamp * packet.time_base)
