"""The first picture of a JPEG file alone: without the gain map and previews that phones append (CIPA DC-007).

A gain map would otherwise be applied by the decoder, and the picture come out as HDR.
"""

_GAIN_MAP_MARKS = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1")
_APP1, _APP2, _SOS, _EOI = 0xE1, 0xE2, 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and RSTn: T.81 Table B.1


def has_gain_map(data: bytes) -> bool:
    """Whether a JPEG file says in its header that a gain map follows (Ultra HDR, ISO 21496-1)."""
    return any(mark in segment for _, segment in _header(data) for mark in _GAIN_MAP_MARKS)


def primary_image(data: bytes) -> bytes:
    """The first picture with its Exif and ICC segments, without extended metadata and what follows it.

    Raises ValueError when ``data`` ends before the picture does, or is no JPEG file.
    """
    kept = [b"\xff\xd8"]
    position = 2
    for marker, segment in _header(data):
        position += len(segment)
        extended = marker == _APP1 and b"Exif\0" not in segment[:10]
        if not (extended or (marker == _APP2 and b"ICC_PROFILE\0" not in segment[:18])):
            kept.append(segment)
    return b"".join(kept) + data[position : _end_of_image(data, position)]


def _header(data: bytes) -> list[tuple[int, bytes]]:
    """Marker and bytes of every segment before the first scan."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    segments, position = [], 2
    while True:
        marker, length = _segment(data, position)
        if marker == _SOS:
            return segments
        segments.append((marker, data[position : position + length]))
        position += length


def _segment(data: bytes, position: int) -> tuple[int, int]:
    """Marker and whole length of the segment at ``position`` (T.81 B.1.1.4)."""
    head = data[position : position + 4]
    if len(head) < 4 or head[0] != 0xFF:
        raise ValueError("the header is cut off")
    if head[1] in _STANDALONE:
        return head[1], 2
    return head[1], 2 + int.from_bytes(head[2:4], "big")


def _end_of_image(data: bytes, position: int) -> int:
    """The offset after the picture's EOI; ``position`` is its first scan."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            raise ValueError("the picture is cut off")
        marker = data[position + 1]
        if marker == _EOI:
            return position + 2
        if marker == 0 or marker in _STANDALONE:  # stuffed byte, restart
            position += 2
        elif marker == 0xFF:  # fill byte
            position += 1
        else:  # tables or the next scan
            position += _segment(data, position)[1]
