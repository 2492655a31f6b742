"""Draws docs/architecture.svg from the imports as they are: the rooms of the engine, and who imports whom.

python scripts/draw_rooms.py            # writes it
python scripts/draw_rooms.py --check    # exit code 1 where the picture is not that of the imports
"""

import ast
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "engine" / "lumaflux"
PICTURE = ROOT / "docs" / "architecture.svg"
# What a room is, in the order in which a reader would ask; a room of files alone is no room here.
ROOMS = {
    "color": "one standard a file: PQ, HLG, BT.2020",
    "ops": "operators with a kernel, and their expressions",
    "store": "weights that are fetched, recorded and verified",
    "media": "reads and writes clips and pictures",
    "model": "the network, as the paper has it",
    "backends": "who evaluates it: torch, onnxruntime, TensorRT",
    "inference": "one frame: sampler, detail, tone",
    "viewing": "scopes, tone-mapped pictures, pages",
    "render": "the loop: source, tone track, frames, target",
    "farm": "jobs: Open Job Description, Ray, OpenCue",
    "timeline": "OpenTimelineIO in and out",
    "lut": "a shot's tone for players: cube, CLF, mpv",
    "demo": "a page in the browser (Gradio)",
    "service": "the worker behind the OpenFX effect",
    "export": "engines for other runtimes",
    "lab": "how the model was made, and how good it is",
}
FRONT_ENDS = ("demo", "lut", "farm", "timeline", "service", "export", "lab")
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 250, 46, 30, 52, 20


def arrows() -> set[tuple[str, str]]:
    """(room, room that it imports)."""
    found = set()
    for room in ROOMS:
        folder = ROOT / "export" if room == "export" else PACKAGE / room
        for path in sorted(folder.rglob("*.py")):
            for name in _imported(path):
                other = name.split(".")[1] if name.startswith("lumaflux.") else ""
                if other in ROOMS and other != room:
                    found.add((room, other))
    return found


def _imported(path: Path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def floors(found: set[tuple[str, str]]) -> dict[str, int]:
    """A room stands above all that it imports. Raises ValueError for a circle."""
    height: dict[str, int] = {}
    while len(height) < len(ROOMS):
        free = [r for r in ROOMS if r not in height and all(to in height for of, to in found if of == r)]
        if not free:
            raise ValueError(f"a circle among {sorted(set(ROOMS) - set(height))}")
        for room in free:
            height[room] = 1 + max((height[to] for of, to in found if of == room), default=-1)
    return height


def needed(found: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that no chain of others says already: a page of all would be a tangle."""
    below: dict[str, set[str]] = {}
    for room in sorted(ROOMS, key=lambda room: floors(found)[room]):
        direct = {to for of, to in found if of == room}
        below[room] = direct | {far for to in direct for far in below.get(to, set())}
    return sorted((of, to) for of, to in found if not any(to in below[by] for o, by in found if o == of and by != to))


def drawing() -> str:
    found = arrows()
    level = floors(found)
    rows = [[r for r in ROOMS if level[r] == floor] for floor in range(max(level.values()), -1, -1)]
    whole = max(len(row) for row in rows) * (WIDTH + GAP_X) - GAP_X
    place = {}
    for y, row in enumerate(rows):
        start = MARGIN + (whole - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        for x, room in enumerate(row):
            place[room] = (start + x * (WIDTH + GAP_X), MARGIN + y * (HEIGHT + GAP_Y))
    size = whole + 2 * MARGIN, len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#64748b"/></marker></defs>',
        f'<rect width="{size[0]:.0f}" height="{size[1]:.0f}" fill="#ffffff"/>',
    ]
    for of, to in needed(found):
        x1, y1 = place[of][0] + WIDTH / 2, place[of][1] + HEIGHT
        x2, y2 = place[to][0] + WIDTH / 2, place[to][1] - 1
        middle = (y1 + y2) / 2
        lines.append(
            f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}" fill="none" '
            'stroke="#64748b" stroke-width="1.4" marker-end="url(#tip)"/>'
        )
    for room, (x, y) in place.items():
        fill = "#fef3c7" if room in FRONT_ENDS else "#dbeafe" if room == "render" else "#f1f5f9"
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="#334155"/>'
        )
        for text, down, style in ((room, 19, 'font-weight="bold" font-size="14"'), (ROOMS[room], 36, 'font-size="11"')):
            lines.append(
                f'<text x="{x + WIDTH / 2:.0f}" y="{y + down:.0f}" text-anchor="middle" {style} fill="#0f172a">'
                f"{escape(text)}</text>"
            )
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(PICTURE.read_text("utf-8") != drawing())
    PICTURE.write_text(drawing(), "utf-8")
