"""Puts the measured light levels into a finished HDR10 file, in place of the placeholders it was written with.

They stand in the decoder configuration, in the container's own fields and before every key frame.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from lumaflux.media.metadata.mastering import ContentLight
from lumaflux.media.video import ebml, isobmff
from lumaflux.media.video.hevc_light_sei import content_light_nal

# What a file is written with before its light is known.
PLACEHOLDER = ContentLight(max_cll=65535, max_fall=65535)
PLACEHOLDER_NAL = content_light_nal(PLACEHOLDER.max_cll, PLACEHOLDER.max_fall)
_KEY_FRAME_HEAD = 256  # a packet's place and its first NAL unit lie closer together than this
_TRACK = (ebml.SEGMENT, ebml.TRACKS, ebml.TRACK_ENTRY)
_COLOUR = (*_TRACK, ebml.VIDEO, ebml.COLOUR)

Span = tuple[int, int]


def patch_light_levels(path: str | os.PathLike, container: str, light: ContentLight) -> None:
    """Overwrite the light levels of the HEVC file ``path`` (``container``: mp4, mov or matroska); no byte moves.

    Raises ValueError where a placeholder is missing.
    """
    sei = content_light_nal(light.max_cll, light.max_fall)
    patch_container(path, container, b"hvc1", light)
    with open(path, "r+b") as file:
        if container == "matroska":
            _overwrite(file, _element(file, (*_TRACK, ebml.CODEC_PRIVATE)), PLACEHOLDER_NAL, sei)
        else:
            _overwrite(file, _box(file, b"hvc1", b"hvcC"), PLACEHOLDER_NAL, sei)
    patch_key_frames(path, container, PLACEHOLDER_NAL, sei)


def patch_container(path: str | os.PathLike, container: str, entry: bytes, light: ContentLight) -> None:
    """Overwrite the container's own light levels; raises ValueError where their placeholder is missing."""
    cll, fall = _two(light.max_cll), _two(light.max_fall)
    old_cll, old_fall = _two(PLACEHOLDER.max_cll), _two(PLACEHOLDER.max_fall)
    with open(path, "r+b") as file:
        if container == "matroska":
            _overwrite(file, _element(file, (*_COLOUR, ebml.MAX_CLL)), old_cll, cll)
            _overwrite(file, _element(file, (*_COLOUR, ebml.MAX_FALL)), old_fall, fall)
        else:
            _overwrite(file, _box(file, entry, b"clli"), old_cll + old_fall, cll + fall)


def patch_key_frames(path: str | os.PathLike, container: str, old: bytes, new: bytes) -> None:
    """Overwrite ``old`` with as long a ``new`` at the head of every key frame; ValueError where missing."""
    with open(path, "r+b") as file:
        for start in _key_frames(path, container):
            _overwrite(file, (start, start + _KEY_FRAME_HEAD), old, new)


def _overwrite(file: BinaryIO, span: Span, old: bytes, new: bytes) -> None:
    start, end = span
    file.seek(start)
    place = file.read(end - start).find(old)
    if place < 0 or len(old) != len(new):
        raise ValueError(f"There is no placeholder for the light levels at byte {start} of {file.name}.")
    file.seek(start + place)
    file.write(new)


def _two(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _box(file: BinaryIO, entry: bytes, kind: bytes) -> Span:
    chain = isobmff.find(file, (*isobmff.video_entry(entry), kind))
    return (chain[-1].payload, chain[-1].end) if chain else (0, 0)


def _element(file: BinaryIO, path: tuple[int, ...]) -> Span:
    element = ebml.find(file, path)
    return (element.payload, element.end) if element else (0, 0)


def _key_frames(path: str | os.PathLike, container: str) -> Iterator[int]:
    """Where the video's key frames start in the file."""
    import av
    from av.stream import Discard

    with av.open(f"file:{path}", format="mp4" if container == "mov" else container) as source:
        for stream in source.streams:
            stream.discard = Discard.nonkey if stream.type == "video" else Discard.all
        for packet in source.demux(source.streams.video[0]):
            if packet.is_keyframe and packet.pos is not None:
                yield packet.pos
