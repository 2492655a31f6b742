"""The picture of docs/comfyui.md: ``python -m lumaflux.viewing.workflow_figure WORKFLOW.json PICTURE``."""

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _LINE, _GAP, _ROW, _PAD = 250, 16, 90, 24, 10  # pixels
_GROUND, _BOX, _HEAD, _TEXT, _WIRE = (24, 24, 28), (48, 48, 54), (70, 84, 120), (225, 225, 228), (230, 170, 60)

Graph = dict[str, dict[str, Any]]


def columns(graph: Graph) -> dict[str, int]:
    """How many nodes lie before each one. Raises ValueError for a graph that runs in a circle."""
    found: dict[str, int] = {}
    while len(found) < len(graph):
        ready = [key for key in graph if key not in found and all(before in found for before in _wires(graph[key]))]
        if not ready:
            raise ValueError("the workflow runs in a circle, or names a node that is not there")
        for key in ready:
            found[key] = max((found[before] + 1 for before in _wires(graph[key])), default=0)
    return found


def _wires(node: dict[str, Any]) -> list[str]:
    return [value[0] for value in node["inputs"].values() if isinstance(value, list)]


def workflow_figure(graph: Graph) -> Image.Image:
    """Nodes of an API workflow as boxes with their inputs and values, and a wire for each connection."""
    place, below = {}, dict[int, int]()
    for key, column in columns(graph).items():
        top = below.get(column, _ROW)
        place[key] = (_ROW + column * (_WIDTH + _GAP), top)
        below[column] = top + _height(graph[key]) + _ROW
    canvas = Image.new("RGB", (max(x for x, _ in place.values()) + _WIDTH + _ROW, max(below.values())), _GROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for key, node in graph.items():
        (x, y), height = place[key], _height(node)
        draw.rectangle((x, y, x + _WIDTH, y + height), _BOX)
        draw.rectangle((x, y, x + _WIDTH, y + _LINE + 6), _HEAD)
        draw.text((x + _PAD, y + 4), node["class_type"], _TEXT, font)
        for line, (name, value) in enumerate(node["inputs"].items(), 1):
            words = name if isinstance(value, list) else f"{name}: {value}"
            draw.text((x + _PAD, y + _PAD + line * _LINE), words, _TEXT, font)
    for key, node in graph.items():
        for line, value in enumerate(node["inputs"].values(), 1):
            if isinstance(value, list):
                (x, y), (left, top) = place[key], place[value[0]]
                start = (left + _WIDTH, top + _PAD + _LINE * (1 + value[1]))
                end, middle = (x, y + _PAD + line * _LINE + 7), x - _GAP // 2 + 12 * (value[1] + line - 1)
                draw.line([start, (middle, start[1]), (middle, end[1]), end], _WIRE, 2)
    return canvas


def _height(node: dict[str, Any]) -> int:
    return 2 * _PAD + (len(node["inputs"]) + 1) * _LINE


if __name__ == "__main__":
    workflow_figure(json.loads(Path(sys.argv[1]).read_text("utf-8"))).save(sys.argv[2])
