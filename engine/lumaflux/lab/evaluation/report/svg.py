"""Drawing with SVG elements, and an axis of light.

Text and attributes are escaped by the XML library, colors come from the page's style.
"""

import math
from collections.abc import Callable, Iterable
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

from lumaflux.color import pq

Element = ElementTree.Element
Scale = Callable[[float], float]

_LEVELS = (0.1, 1, 10, 100, 1000)  # cd/m2
_REFERENCE_WHITE = 203.0  # BT.2408-7, 2.1
_LETTERS = 12  # units from one line of letters to the next


def drawing(width: float, height: float, label: str, kind: str) -> Element:
    """An ``svg`` of ``width`` x ``height`` units and CSS class ``kind``; ``label`` is read out to who cannot see it."""
    root = Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "class": kind, "aria-label": label})
    root.set("width", f"{width:g}")
    root.set("height", f"{height:g}")
    return root


def add(parent: Element, tag: str, text: str | None = None, **attributes: str | float) -> Element:
    """A child; numbers are rounded to a tenth of a unit, a trailing underscore falls off (``class_``), inner
    underscores become hyphens."""
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    words = {name: value if isinstance(value, str) else _short(value) for name, value in names.items()}
    child = ElementTree.SubElement(parent, tag, words)
    child.text = text
    return child


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Of a polyline or a polygon."""
    return " ".join(f"{_short(x)},{_short(y)}" for x, y in pairs)


def markup(root: Element) -> Markup:
    """The drawing as text that the page takes as it is."""
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """From [low, high] to [start, end]; an empty range goes to the middle."""
    if high <= low:
        return lambda value: (start + end) / 2
    return lambda value: start + (end - start) * (value - low) / (high - low)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) inside [low, high]."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(multiple * power for multiple in (1, 2, 5, 10) if multiple * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + index) * step, 12) for index in range(count)]


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters; what is left out is in the middle, since names differ at their ends."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def signal(nits: np.ndarray | float) -> np.ndarray:
    """cd/m2 -> PQ signal [0, 1], float64."""
    return np.asarray(pq.inverse_eotf(np.asarray(nits, dtype=np.float64)))


def draw_light_axis(root: Element, y: Scale, low: float, high: float, left: float, right: float) -> None:
    """Lines and letters in cd/m2 for the levels inside [low, high] (PQ); reference white is a dashed line, and letters
    that would touch its own are left out."""
    white = y(float(signal(_REFERENCE_WHITE)))
    for level in (*_LEVELS, _REFERENCE_WHITE):
        position = float(signal(level))
        if not low <= position <= high:
            continue
        height = y(position)
        kind = "grid white" if level == _REFERENCE_WHITE else "grid"
        add(root, "line", class_=kind, x1=left, x2=right, y1=height, y2=height)
        if level == _REFERENCE_WHITE or abs(height - white) >= _LETTERS:
            add(root, "text", f"{level:g}", class_="tick", x=left - 5, y=height + 3.5, text_anchor="end")
