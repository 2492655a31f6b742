"""One pass over a file's packets for two: the decoder of its pictures, and the copy of its other streams."""

import itertools
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lumaflux.media.video.captions import CAPTIONED, captions_of
from lumaflux.media.video.source import open_container, video_stream

if TYPE_CHECKING:
    import av.container

# Bytes of packets that may wait for one while the other reads on: more than the sound and pictures of any file that
# interleaves them.
_HELD = 64 << 20


@dataclass(kw_only=True)
class PictureTimes:
    """What the copy sees of a picture's packet: its times, and the captions that lie in it (A/53's ``cc_data``)."""

    stream_index: int
    size: int
    pts: int | None
    dts: int | None
    duration: int | None
    time_base: Fraction
    is_discard: bool
    captions: bytes | None


def for_the_copy(packets: Iterable[Any], pictures: Any, codec: str) -> Iterator[Any]:
    """The packets in their order; of ``pictures``, a stream in ``codec``, their :class:`PictureTimes`."""
    for packet in packets:
        if packet.stream_index != pictures.index:
            yield packet
            continue
        yield PictureTimes(
            stream_index=packet.stream_index,
            size=packet.size,
            pts=packet.pts,
            dts=packet.dts,
            duration=packet.duration,
            time_base=packet.time_base,
            is_discard=packet.is_discard,
            captions=captions_of(bytes(packet), codec) if codec in CAPTIONED else None,
        )


def selected(container: Any, *streams: Any) -> Iterator[Any]:
    """Packets of ``streams`` in the order of the file. Streams that a file announces only on the way (FLV, MPEG-TS) are
    passed over: PyAV, which lists streams when a file is opened, fails at the first packet of such a one.
    """
    while True:
        try:
            yield from container.demux(*streams)
        except IndexError:  # the next call goes on after that packet
            continue
        return


def may_be_copied(stream: Any) -> bool:
    """Whether a stream's packets can go into another file: sound and text of known codecs."""
    return stream.type in ("audio", "subtitle") and stream.codec_context is not None


class Demuxer:
    """Gives the packets of ``container``, just opened from ``path``: those of ``pictures`` by :meth:`of_pictures` and,
    to one who claims them before the first picture is decoded, those of sound and subtitles by :meth:`beside`.

    Each takes its own at its own pace, in a thread of its own. Where that would hold more than 64 MiB, as in a file
    that stores all pictures before the sound, who copies goes on in a container of its own.
    """

    def __init__(self, container: "av.container.InputContainer", pictures: Any, path: str | os.PathLike):
        self.container, self.pictures, self._path = container, pictures, path
        streams = [stream for stream in container.streams if stream.index == pictures.index or may_be_copied(stream)]
        self._packets = selected(container, *streams)
        self._lock = threading.Lock()
        self._pictures: deque[Any] = deque()
        self._others: deque[Any] = deque()
        self._held = [0, 0]  # bytes of both
        self._claimed: str | None = None  # the pictures' codec, by who copies
        self._alone = False  # nobody copies from here, or not any more
        self._damage: Exception | None = None

    def claim(self, codec: str) -> bool:
        """Whether the packets beside the pictures, whose ``codec`` this is, are the caller's; False where they are
        taken or gone."""
        with self._lock:
            if self._claimed is not None or self._alone:
                return False
            self._claimed = codec
            self._others = deque(for_the_copy(self._others, self.pictures, codec))
            return True

    def begin(self) -> None:
        """The pictures are decoded from now on: without a claim until here, nothing is kept of the others."""
        with self._lock:
            if self._claimed is None:
                self._leave()

    def of_pictures(self) -> Iterator[Any]:
        """Raises what ends the file before its end, whoever met it."""
        while True:
            with self._lock:
                while not self._pictures and self._read():
                    pass
                if not self._pictures:
                    break
                packet = self._pictures.popleft()
                self._held[0] -= packet.size
            yield packet
        if self._damage is not None:
            raise self._damage

    def beside(self, wanted: set[int]) -> Iterator[Any]:
        """Packets of the streams of ``wanted`` indices, and :class:`PictureTimes`, in the order of the file; a damaged
        file ends where it is damaged."""
        taken = 0
        while True:
            with self._lock:
                while not self._others and not self._alone and self._read():
                    pass
                if not self._others:
                    break
                packet = self._others.popleft()
                self._held[1] -= packet.size if packet.stream_index != self.pictures.index else 0
            if packet.stream_index == self.pictures.index or packet.stream_index in wanted:
                taken += 1
                yield packet
        if self._alone and self._claimed is not None:
            with open_container(self._path) as own:
                pictures = video_stream(own, self._path)
                streams = [stream for stream in own.streams if stream.index in {*wanted, pictures.index}]
                yield from itertools.islice(for_the_copy(selected(own, *streams), pictures, self._claimed), taken, None)

    def release(self) -> None:
        """Nothing beside the pictures is wanted."""
        with self._lock:
            self._leave()

    def _read(self) -> bool:
        """Takes one packet more; False at the end. With the lock."""
        from av.error import FFmpegError

        try:
            packet = next(self._packets, None)
        except FFmpegError as error:
            self._damage, packet = error, None
        if packet is None:
            return False
        if packet.stream_index == self.pictures.index:
            self._pictures.append(packet)
            self._held[0] += packet.size
        elif not self._alone:
            self._held[1] += packet.size
        if not self._alone:
            kept = [packet]  # until there is a claim
            self._others.extend(kept if self._claimed is None else for_the_copy(kept, self.pictures, self._claimed))
        if max(self._held) > _HELD and not self._alone:
            self._leave()
        return True

    def _leave(self) -> None:
        self._alone = True
        self._others.clear()
        self._held[1] = 0
