"""Whether a JPEG XL codestream is an animation, by its header (ISO/IEC 18181-1, SizeHeader and ImageMetadata).

OpenImageIO gives an animation's last frame and does not say that there were others.
"""

_LARGEST_HEADER = 64  # bytes; what is read here ends long before
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))  # bits, and what is added: of the four forms of a number
_PREVIEW_SIZES, _PREVIEW_EIGHTHS = ((6, 1), (8, 65), (10, 321), (12, 1345)), ((0, 16), (0, 32), (5, 1), (9, 33))


class _Bits:
    """Numbers from the lowest bit on (18181-1, clause 4). Raises ValueError behind the end."""

    def __init__(self, data: bytes):
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("its header is cut off")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def number(self, forms: tuple[tuple[int, int], ...]) -> int:
        bits, added = forms[self.take(2)]
        return self.take(bits) + added


def is_animation(codestream: bytes) -> bool:
    """Of a bare codestream, or its beginning. Raises ValueError for one that is cut off or none."""
    if codestream[:2] != b"\xff\x0a":
        raise ValueError("no codestream")
    bits = _Bits(codestream[2:_LARGEST_HEADER])
    _skip_size(bits)
    if bits.take(1) or not bits.take(1):  # all as by default; no extra fields
        return False
    bits.take(3)  # orientation
    if bits.take(1):  # intrinsic size
        _skip_size(bits)
    if bits.take(1):  # preview
        forms = _PREVIEW_EIGHTHS if bits.take(1) else _PREVIEW_SIZES
        bits.number(forms)
        if not bits.take(3):
            bits.number(forms)
    return bool(bits.take(1))


def _skip_size(bits: _Bits) -> None:
    """Height, then a ratio or the width."""
    small = bits.take(1)
    for ends in (True, False):
        _ = bits.take(5) if small else bits.number(_SIZES)
        if ends and bits.take(3):
            return
