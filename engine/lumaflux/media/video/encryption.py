"""Pictures that a container says are encrypted: a decoder would make noise of them, or call them damaged."""

import os
from pathlib import Path
from typing import BinaryIO

from lumaflux.media.video import ebml, isobmff

_PROTECTED = (b"encv", b"drmi")  # sample entries: ISO/IEC 23001-7 8.1, and Apple's
_SCHEME = b"sinf"  # ISO/IEC 14496-12 8.12.1, in an entry of any name
_PACKET, _SYNC, _HEAD = 188, 0x47, 1 << 20


def encryption(path: str | os.PathLike, container: str, stream_id: int) -> str | None:
    """What says so, in words; None for pictures in the clear. ``stream_id``: the pictures' PID in MPEG-TS."""
    with Path(path).open("rb") as file:
        if container.startswith("mov"):
            return _of_isobmff(file)
        if container.startswith("matroska"):
            encrypted = ebml.track_elements(file, ebml.CONTENT_ENCODINGS, ebml.CONTENT_ENCODING, ebml.ENCRYPTION)
            return "its track has a ContentEncryption" if any(encrypted) else None
        if container == "mpegts":
            return _of_transport(file.read(_HEAD), stream_id)
    return None


def _of_isobmff(file: BinaryIO) -> str | None:
    for entry in isobmff.visual_entries(file):
        schemes = [box for box in isobmff.visual_children(file, entry) if box.kind == _SCHEME]
        if entry.kind in _PROTECTED or schemes:
            return f"its sample entry is {entry.kind.decode('latin-1')!r}, with a protection scheme"
    return None


def _of_transport(head: bytes, pid: int) -> str | None:
    """By transport_scrambling_control (ISO/IEC 13818-1 2.4.3.3) of the pictures' packets; of 192 bytes with a time
    before each, too."""
    start = 0 if head[:1] == bytes([_SYNC]) else 4
    step = _PACKET + start
    for at in range(start, len(head) - _PACKET + 1, step):
        if head[at] == _SYNC and int.from_bytes(head[at + 1 : at + 3], "big") & 0x1FFF == pid and head[at + 3] & 0xC0:
            return "its packets are scrambled"
    return None
