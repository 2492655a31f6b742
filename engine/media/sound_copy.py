"""Carries the sound of one file into another, packet for packet, in step with the pictures that are being written."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.errors import UserError
from engine.media.video_source import open_container

if TYPE_CHECKING:
    import av
    import av.container

AHEAD_SECONDS = 0.5  # how far sound may lead the pictures; keeps the muxer's queue short


class SoundCopy:
    """Copies every sound stream of ``source`` into ``output``: bytes unchanged, time stamps unchanged.

    Packets are pulled as the pictures advance, so nothing grows with the clip.
    Raises UserError when the source cannot be read, or the output's container cannot carry one of the streams.
    """

    def __init__(self, source: str | os.PathLike, output: "av.container.OutputContainer", target: str | os.PathLike):
        import av.stream

        self._output = output
        self._input = open_container(source)
        self._streams = {}
        for stream in self._input.streams:
            if stream.type != "audio":
                stream.discard = av.stream.Discard.all
                continue
            self._streams[stream.index] = self._add(stream, target)
        self._packets = self._demux()
        self._pending = next(self._packets, None)

    def _add(self, stream: Any, target: str | os.PathLike) -> Any:
        try:
            copy = self._output.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            codec = stream.codec_context.name if stream.codec_context else "unknown codec"
            raise UserError(
                f"{target} cannot carry sound stream {stream.index} ({codec}) of the source; "
                "choose a container that can (.mkv carries most), or leave the sound out with --no-copy-audio."
            ) from error
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        return copy

    def _demux(self) -> Iterator["av.Packet"]:
        if not self._streams:
            return
        for packet in self._input.demux(*[self._input.streams[i] for i in self._streams]):
            if packet.size:
                yield packet

    def advance(self, seconds: float) -> None:
        """Write the sound up to a little after ``seconds`` of presentation time."""
        while self._pending is not None and _seconds(self._pending) <= seconds + AHEAD_SECONDS:
            self._pending.stream = self._streams[self._pending.stream_index]
            self._output.mux(self._pending)
            self._pending = next(self._packets, None)

    def finish(self) -> None:
        """Write what sound is left."""
        self.advance(float("inf"))

    def close(self) -> None:
        """Release the source."""
        self._input.close()


def _seconds(packet: "av.Packet") -> float:
    """When the packet is due; one without any time stamp is due at once."""
    stamp = packet.pts if packet.dts is None else packet.dts
    return 0.0 if stamp is None or packet.time_base is None else float(stamp * packet.time_base)
