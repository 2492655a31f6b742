"""The content light level SEI of HEVC streams (H.265 D.2.35), in a fixed number of bytes to be patched in place."""

_PREFIX_SEI = b"\x4e\x01"  # nal_unit_type 39, layer 0, temporal id 0 (7.3.1.2)
_CONTENT_LIGHT = 144
_FILLER = 3


def escape(rbsp: bytes) -> bytes:
    """Insert emulation prevention bytes (7.4.2)."""
    out = bytearray()
    zeros = 0
    for byte in rbsp:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def content_light_nal(max_cll: int, max_fall: int) -> bytes:
    """A prefix SEI NAL unit, 13 bytes for every pair of values from 1 to 65535.

    A filler message of one or two bytes (D.2.4) takes up what emulation prevention leaves.
    """
    for filler in (2, 1):
        nal = _nal(_message(max_cll, max_fall) + bytes([_FILLER, filler]) + b"\xff" * filler)
        if len(nal) == 13:
            return nal
    raise ValueError(f"MaxCLL {max_cll} and MaxFALL {max_fall} must be 1 to 65535.")


def short_content_light_nal(max_cll: int, max_fall: int) -> bytes:
    """The same without filler, as encoders write it."""
    return _nal(_message(max_cll, max_fall))


def prefix_sei_nal(payload_type: int, payload: bytes) -> bytes:
    """A prefix SEI NAL unit of one message (7.3.5), without its start code."""
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    return _nal(bytes([payload_type]) + size + payload)


def sized_sei_nal(payload_type: int, payload: bytes, size: int) -> bytes:
    """The same in ``size`` bytes, a filler message behind it. Raises ValueError where it does not fit."""
    length = bytes([len(payload)])
    for filler in range(255):
        nal = _nal(bytes([payload_type]) + length + payload + bytes([_FILLER, filler]) + b"\xff" * filler)
        if len(nal) == size:
            return nal
    raise ValueError(f"A message of {len(payload)} bytes does not become a NAL unit of {size}.")


def _message(max_cll: int, max_fall: int) -> bytes:
    return bytes([_CONTENT_LIGHT, 4]) + max_cll.to_bytes(2, "big") + max_fall.to_bytes(2, "big")


def _nal(messages: bytes) -> bytes:
    return _PREFIX_SEI + escape(messages + b"\x80")
