"""What of an EXR file is the picture.

Which channels: its beauty among layers and parts, or the layer that is asked for. Which pixels: those of the display
window; overscan is cut off, what is missing is black.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lumaflux.color.primaries import BT709, Primaries, rgb_to_xyz
from lumaflux.errors import UserError

_LARGEST = 1 << 16  # pixels a side; a header that says more is damaged
Kind = Literal["rgb", "xyz", "luminance", "luminance-chroma"]

_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("rgb", ("r", "g", "b")),
    ("rgb", ("red", "green", "blue")),
    ("xyz", ("x", "y", "z")),
    ("luminance-chroma", ("y", "ry", "by")),
    ("luminance", ("y",)),
)
_BEAUTY = ("", "rgba", "rgb", "combined", "beauty", "color", "colour", "main", "default", "image", "none")
_NO_PICTURE = ("z", "depth", "a", "id", "zback", "u", "v", "mask")
_VECTORS = ("n", "normal", "normals", "p", "position", "positions", "vector", "velocity", "motion", "uv")  # x, y, z too


@dataclass(frozen=True)
class Layer:
    """``channels`` are their places in subimage ``part``, in the order of ``kind``; ``alpha`` that of alpha, if any.

    ``title`` is the part's name, where the file has several and they have names.
    """

    name: str
    title: str
    part: int
    kind: Kind
    channels: tuple[int, ...]
    alpha: int | None

    @property
    def is_beauty(self) -> bool:
        return self.name.rpartition(".")[2].lower() in _BEAUTY

    def label(self, among: "list[Layer]") -> str:
        """How people name it: with its part where another part has a layer of the same name."""
        name = self.name or "(without a name)"
        if not any(other.name == self.name and other.part != self.part for other in among):
            return name
        return f"{self.title or self.part}/{self.name}" if self.name else self.title or f"{self.part}/"

    def is_called(self, asked: str) -> bool:
        """By its name or the end of it, by its part's name or number and a slash before it, or by its part alone."""
        asked = asked.lower()
        names = {self.name.lower(), self.name.rpartition(".")[2].lower()}
        parts = {self.title.lower(), str(self.part)} - {""}
        return asked in names or asked in {f"{part}/{name}" for part in parts for name in names}


def layers(source: Any) -> list[Layer]:
    """Every layer of an open ``oiio.ImageInput`` that can be a picture, those that are the beauty by name first."""
    found, part = [], 0
    while source.seek_subimage(part, 0):
        spec = source.spec()
        found += _of_part(part, spec.get_string_attribute("oiio:subimagename"), list(spec.channelnames))
        part += 1
    source.seek_subimage(0, 0)
    return sorted(found, key=lambda layer: not layer.is_beauty)


def _of_part(part: int, title: str, names: list[str]) -> list[Layer]:
    grouped: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        prefix, _, last = name.rpartition(".")
        grouped.setdefault(prefix, {})[last.lower()] = place
    found = []
    for prefix, places in grouped.items():
        name = prefix or title
        if name.rpartition(".")[2].lower() in _VECTORS:
            continue
        for kind, wanted in _KINDS:
            if all(last in places for last in wanted):
                alpha = places.get("a", places.get("alpha"))
                found.append(Layer(name, title, part, kind, tuple(places[last] for last in wanted), alpha))
                break
    if not found and len(names) == 1 and names[0].rpartition(".")[2].lower() not in _NO_PICTURE:
        found.append(Layer(title, title, part, "luminance", (0,), None))
    return found


def chosen_layer(source: Any, asked: str | None, where: str) -> tuple[Layer, tuple[str, ...]]:
    """The layer to read, and what is left out, in words. Raises UserError where there is none, or not the one asked."""
    found = layers(source)
    if not found:
        raise UserError(f"{where} holds no picture, only the channels {_channels(source)}; name its beauty.")
    names = [layer.label(found) for layer in found]
    layer = found[0]
    if asked is not None:
        fitting = [each for each in found if each.is_called(asked)]
        fitting = fitting or [each for each in found if asked.lower() in (each.title.lower(), str(each.part))]
        if not fitting:
            raise UserError(f"{where} has no layer '{asked}'; its layers are {', '.join(names)}.")
        exact = [each for each in fitting if each.name.lower() == asked.lower()]
        layer = (exact or fitting)[0]
        if len({each.part for each in exact or fitting}) > 1:
            several = ", ".join(each.label(found) for each in exact or fitting)
            raise UserError(f"{where} has the layer '{asked}' in several parts; name one of {several}.")
    others = [name for each, name in zip(found, names, strict=True) if each is not layer]
    dropped = (f"other layers ({', '.join(others)})",) if others else ()
    if asked is None and not layer.is_beauty and others:
        dropped = (f"other layers (read: {layer.label(found)}; not: {', '.join(others)}; --layer names another)",)
    return layer, (*_other_channels(source, found), *dropped)


def refuse_layer(layer: str | None, where: str) -> None:
    """Raises UserError where a layer is asked of what is no EXR file."""
    if layer is not None:
        raise UserError(f"{where} is no EXR file and has no layer '{layer}'; leave --layer out")


def _other_channels(source: Any, found: list[Layer]) -> tuple[str, ...]:
    """Channels that belong to no layer, such as depth."""
    names, part = [], 0
    while source.seek_subimage(part, 0):
        used = {place for layer in found if layer.part == part for place in (*layer.channels, layer.alpha)}
        names += [name for place, name in enumerate(source.spec().channelnames) if place not in used]
        part += 1
    source.seek_subimage(0, 0)
    return tuple(names)


def _channels(source: Any) -> str:
    return ", ".join(source.spec().channelnames)


def linear_rgb(pixels: np.ndarray, layer: Layer, primaries: Primaries) -> np.ndarray:
    """Light of ``primaries`` float32 [H,W,3] of all channels of the layer's part [H,W,C]."""
    picked = pixels[..., list(layer.channels)]
    if layer.kind == "rgb":
        return picked
    if layer.kind == "luminance":
        return np.repeat(picked, 3, axis=-1)
    if layer.kind == "xyz":
        return picked @ np.linalg.inv(rgb_to_xyz(primaries)).T.astype(np.float32)
    luminance, ry, by = (picked[..., i] for i in range(3))  # OpenEXR: RY = (R - Y) / Y, BY = (B - Y) / Y
    kr, kg, kb = rgb_to_xyz(primaries if primaries is not None else BT709)[1]
    red, blue = (ry + 1) * luminance, (by + 1) * luminance
    green = (luminance - kr * red - kb * blue) / kg
    return np.stack([red, green, blue], axis=-1).astype(np.float32)


def display_size(spec: Any) -> tuple[int, int]:
    """Width and height of the picture as it is meant to be seen. Raises ValueError for no sensible size."""
    width, height = spec.full_width or spec.width, spec.full_height or spec.height
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise ValueError(f"its display window is {width}x{height}")
    return width, height


def in_display_window(pixels: np.ndarray, spec: Any) -> tuple[np.ndarray, list[str]]:
    """``pixels`` [H,W,C] of the stored window -> those of the display window, and what was done, in sentences."""
    width, height = display_size(spec)
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    stored_height, stored_width = pixels.shape[:2]
    if (left, top, stored_width, stored_height) == (0, 0, width, height):
        return pixels, []
    shown = np.zeros((height, width, pixels.shape[2]), dtype=pixels.dtype)
    rows = slice(max(0, top), min(height, top + stored_height))
    columns = slice(max(0, left), min(width, left + stored_width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        shown[rows, columns] = inside
    notes = []
    if left < 0 or top < 0 or left + stored_width > width or top + stored_height > height:
        notes.append("what is stored outside of its display window is left out.")
    if left > 0 or top > 0 or left + stored_width < width or top + stored_height < height:
        notes.append("what its display window has beyond the stored pixels is black.")
    return shown, notes
