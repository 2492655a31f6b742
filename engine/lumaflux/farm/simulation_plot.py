"""The simulated film as a picture: time and lost work over nodes, as SVG."""

import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 460, 340, 62, 48, 30
_INK, _GRID = "#333", "#ddd"
_COLOURS = {None: "#333", 24.0: "#1f6fb4", 2.0: "#c2442d"}


def plot(rows: Sequence[dict[str, Any]]) -> str:
    """``rows`` as lumaflux.farm.measure.film gives them. Left: hours until the film is done; right: work done twice."""
    hours = _Panel(0, "Hours until the film is done", (1e-1, 1e5))
    lost = _Panel(_WIDTH, "Work done twice, % of the film's", (1e-4, 1e2))
    parts = [hours.axes(), lost.axes()]
    for place, (life, resume) in enumerate(_curves(rows)):
        own = [row for row in rows if (row["mean_life_h"], row["resume"]) == (life, resume)]
        name = (
            "no failures" if life is None else f"nodes live {life:g} h, {'resumed' if resume else 'chunks begun anew'}"
        )
        look = f'stroke="{_COLOURS.get(life, _INK)}" stroke-dasharray="{"none" if resume else "5 4"}"'
        parts.append(hours.line([(row["nodes"], row["makespan_s"] / 3600) for row in own], look))
        if life is not None:
            share = [(row["nodes"], 100 * row["lost_s"] / row["work_s"]) for row in own]
            parts.append(lost.line(share, look))
        parts.append(hours.legend(place, name, look))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _curves(rows: Sequence[dict[str, Any]]) -> list[tuple[float | None, bool]]:
    return list(dict.fromkeys((row["mean_life_h"], row["resume"]) for row in rows))


class _Panel:
    """Logarithmic axes: nodes from 1 to 1000, and ``bounds``."""

    def __init__(self, x: int, title: str, bounds: tuple[float, float]):
        self.x, self.title, self.bounds = x, title, bounds

    def _place(self, nodes: float, value: float) -> tuple[float, float]:
        low, high = (math.log10(bound) for bound in self.bounds)
        across = math.log10(nodes) / 3
        up = (math.log10(max(value, self.bounds[0])) - low) / (high - low)
        return (
            self.x + _LEFT + across * (_WIDTH - _LEFT - 20),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - _TOP),
        )

    def axes(self) -> str:
        low, high = (round(math.log10(bound)) for bound in self.bounds)
        parts = [f'<text x="{self.x + _LEFT}" y="18" fill="{_INK}" font-size="13">{escape(self.title)}</text>']
        for power in range(low, high + 1):
            (x1, y), (x2, _) = self._place(1, 10.0**power), self._place(1000, 10.0**power)
            parts.append(f'<path d="M{x1:.1f} {y:.1f}H{x2:.1f}" stroke="{_GRID}"/>')
            label = f"{10**power:g}"
            parts.append(f'<text x="{x1 - 6:.1f}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}">{label}</text>')
        for nodes in (1, 10, 100, 1000):
            (x, y1), (_, y2) = self._place(nodes, self.bounds[0]), self._place(nodes, self.bounds[1])
            parts.append(f'<path d="M{x:.1f} {y1:.1f}V{y2:.1f}" stroke="{_GRID}"/>')
            parts.append(f'<text x="{x:.1f}" y="{y1 + 16:.1f}" text-anchor="middle" fill="{_INK}">{nodes}</text>')
        middle = self.x + (_LEFT + _WIDTH - 20) / 2
        parts.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle" fill="{_INK}">nodes</text>')
        return "\n".join(parts)

    def line(self, points: Sequence[tuple[float, float]], look: str) -> str:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self._place(*point) for point in points))
        return f'<polyline points="{path}" fill="none" stroke-width="1.6" {look}/>'

    def legend(self, place: int, name: str, look: str) -> str:
        x, y = self.x + _WIDTH - 235, _TOP + 12 + 15 * place
        return (
            f'<path d="M{x} {y}h22" stroke-width="1.6" {look}/>'
            f'<text x="{x + 28}" y="{y + 4}" fill="{_INK}">{escape(name)}</text>'
        )
