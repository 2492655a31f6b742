"""Pictures as hosts keep them: rows up or down, with gaps, anywhere on the plane; the bytes around them are known."""

from typing import Any

import numpy as np

DEPTHS = {
    "float": (np.float32, "OfxBitDepthFloat"),
    "half": (np.float16, "OfxBitDepthHalf"),
    "short": (np.uint16, "OfxBitDepthShort"),
    "byte": (np.uint8, "OfxBitDepthByte"),
}
_COMPONENTS = {3: "OfxImageComponentRGB", 4: "OfxImageComponentRGBA"}
_GUARD, _MARGIN = 0xA5, 256


class Picture:
    """``pixels`` [H,W,3|4], top row first, is a view of ``memory`` as the host holds it."""

    def __init__(
        self,
        pixels: np.ndarray,
        *,
        corner: tuple[int, int] = (0, 0),
        padding: int = 0,
        top_first: bool = False,
        premultiplied: bool | None = None,
        field: str = "OfxFieldNone",
        **wrong: Any,
    ):
        """``corner``: x1, y1 of the bounds. ``padding``: bytes between rows. ``top_first``: negative row bytes.

        ``wrong``: members of the layout that are not true.
        """
        height, width, components = pixels.shape
        row = width * components * pixels.itemsize
        stride = row + padding
        self.memory = bytearray([_GUARD]) * (_MARGIN + height * stride + _MARGIN)
        lowest = _MARGIN + (height - 1) * stride if top_first else _MARGIN
        top = _MARGIN if top_first else _MARGIN + (height - 1) * stride
        row_bytes = -stride if top_first else stride
        self.pixels = np.ndarray(
            pixels.shape,
            pixels.dtype,
            self.memory,
            offset=top,
            strides=(-row_bytes, components * pixels.itemsize, pixels.itemsize),
        )
        self.pixels[:] = pixels
        depth = next(name for kind, name in DEPTHS.values() if pixels.dtype == kind)
        x1, y1 = corner
        self._layout = {
            "base": lowest,
            "row_bytes": row_bytes,
            "bounds": [x1, y1, x1 + width, y1 + height],
            "depth": depth,
            "components": _COMPONENTS[components],
            "field": field,
            **wrong,
        }
        if premultiplied is not None:
            self._layout["premultiplication"] = f"OfxImageAlpha{'P' if premultiplied else 'UnP'}remultiplied"

    def layout(self) -> dict[str, Any]:
        """What a host must know of it."""
        return self._layout

    def untouched(self, before: bytes | bytearray, *written: tuple[slice, slice]) -> bool:
        """Whether all but the ``written`` parts of the pixels is as it was, the gaps and margins too."""
        copy = bytearray(self.memory)
        pixels = np.ndarray(self.pixels.shape, self.pixels.dtype, copy, self._top(), self.pixels.strides)
        old = np.ndarray(self.pixels.shape, self.pixels.dtype, before, self._top(), self.pixels.strides)
        for part in written:
            pixels[part] = old[part]
        return copy == before

    def _top(self) -> int:
        return self._layout["base"] + (self.pixels.shape[0] - 1) * self._layout["row_bytes"]


def blank(like: np.ndarray, **layout: Any) -> Picture:
    """A target of the same size and kind, filled with what no render gives."""
    pixels = np.empty_like(like)
    pixels.view(np.uint8).fill(0x5A)
    return Picture(pixels, **layout)
