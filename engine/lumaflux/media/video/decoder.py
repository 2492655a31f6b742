"""The decoder of a stream's pictures, chosen and told so that it tells of damage, and what it does not tell.

Entropy coders go on with flipped bytes as if they were pictures. What was measured of 60 files with a few bytes changed
inside a packet: VP9's own decoder in FFmpeg notices 4 of them, libvpx's 55; the decoders of MSMPEG-4 notice 5, and 52
when asked for errors of the bitstream; FFV1's notices all and says it to its log alone; those of HEVC and AV1 leave
pictures out without a word. VP8, uncompressed and simply packed pictures hold nothing that could tell.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lumaflux.media.video.checksums import slices_are_sound
from lumaflux.threads import THREADS

if TYPE_CHECKING:
    import av

# Two decoders run at once, beside the encoder: the pass that finds tones is ahead of the one that renders. Each thread
# of a decoder holds frames.
_DECODER_THREADS = max(1, THREADS // 2)
_EXPLODE = {"err_detect": "explode"}
_STRICT = {"err_detect": "crccheck+bitstream+buffer"}
# Those that pass over what they cannot decode, and give the picture that memory held, unless told otherwise
_OPTIONS = {
    "hevc": _EXPLODE,
    "mjpeg": _EXPLODE,
    **dict.fromkeys(("msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2"), _STRICT),
}
_ONE_EACH = ("hevc", "av1")  # codecs in which every packet shows a picture


class PictureDecoder:
    """Decodes the packets of ``stream``, which is described by its own decoder before.

    ``alpha_beside``: each packet has the alpha of its picture beside it, which is left out.
    """

    def __init__(self, stream: Any, *, alpha_beside: bool = False):
        own = stream.codec_context
        own.thread_type, own.thread_count = "AUTO", _DECODER_THREADS
        own.options = _OPTIONS.get(own.name, {})
        self._own = self._context = own
        self._codec = own.codec.canonical_name
        self._other = self._codec == "vp9" and not alpha_beside
        self._sums: bool | None = None if self._codec == "ffv1" else False
        self._key: int | None = None
        self._awaited: set[int] = set()
        self._shown: int | None = None  # the earliest time
        self._ended = False

    def begin(self) -> None:
        """What was decoded for a description is decoded again."""
        self._own.flush_buffers()
        if self._other:
            self._context = decoder_for_vp9(self._own)

    def decode(self, packet: Any) -> "Iterator[av.VideoFrame]":
        """The pictures that are ready after ``packet``; one without bytes ends the stream. Raises FFmpegError for what
        cannot be decoded, ValueError for a picture that contradicts its checksums."""
        if packet.size:
            self._await(packet)
            if self._sums is not False:
                self._check_sums(bytes(packet))
        elif self._ended:  # demuxers end each stream of a file
            return
        self._ended = not packet.size
        for frame in self._context.decode(packet if packet.size else None):
            if frame.pts is not None:
                self._awaited.discard(frame.pts)
                self._shown = frame.pts if self._shown is None else min(self._shown, frame.pts)
            yield frame

    def lost(self) -> int:
        """After the last packet: how many packets gave no picture, of a codec in which each does.

        Pictures before the first, and those that lead a key frame, need what may lie before the file's beginning.
        """
        return 0 if self._shown is None else sum(pts > self._shown for pts in self._awaited)

    def _await(self, packet: Any) -> None:
        if self._codec not in _ONE_EACH or packet.pts is None or packet.is_discard:
            return
        self._key = packet.pts if packet.is_keyframe else self._key
        if self._key is not None and packet.pts >= self._key:
            self._awaited.add(packet.pts)

    def _check_sums(self, picture: bytes) -> None:
        """The first picture tells whether the stream has them."""
        sound = slices_are_sound(picture)
        if self._sums is None:
            self._sums = sound
        elif not sound:
            raise ValueError("its slices contradict their checksums")


def decoder_for_vp9(own: Any) -> Any:
    """A decoder for VP9 that sees where a tile's data end too early. For more than 8 bits, which only some builds of
    libvpx take, it is ``own``, which has decoded a picture."""
    import av

    deep = own.format is None or any(component.bits > 8 for component in own.format.components)
    if deep or "libvpx-vp9" not in av.codecs_available:
        return own
    context: Any = av.CodecContext.create("libvpx-vp9", "r")
    context.thread_count = _DECODER_THREADS
    if own.extradata:
        context.extradata = own.extradata
    return context
