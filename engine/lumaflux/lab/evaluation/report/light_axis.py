"""An axis of light: even steps in PQ, lettered in cd/m2."""

import numpy as np

from lumaflux.color import pq
from lumaflux.lab.evaluation.report import svg

LEVELS = (0.1, 1, 10, 100, 1000)
REFERENCE_WHITE = 203.0  # BT.2408-7, 2.1
_LETTERS = 12  # units from one line of letters to the next


def signal(nits: np.ndarray | float) -> np.ndarray:
    """cd/m2 -> PQ signal [0, 1], float64."""
    return np.asarray(pq.inverse_eotf(np.asarray(nits, dtype=np.float64)))


def draw_light_axis(root: svg.Element, y: svg.Scale, low: float, high: float, left: float, right: float) -> None:
    """Lines and letters for the levels inside [low, high] (PQ); reference white is a dashed line, and letters that
    would touch its own are left out."""
    white = y(float(signal(REFERENCE_WHITE)))
    for level in (*LEVELS, REFERENCE_WHITE):
        position = float(signal(level))
        if not low <= position <= high:
            continue
        height = y(position)
        kind = "grid white" if level == REFERENCE_WHITE else "grid"
        svg.add(root, "line", class_=kind, x1=left, x2=right, y1=height, y2=height)
        if level == REFERENCE_WHITE or abs(height - white) >= _LETTERS:
            svg.add(root, "text", f"{level:g}", class_="tick", x=left - 5, y=height + 3.5, text_anchor="end")
