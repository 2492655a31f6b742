"""The arrows between rooms point one way, every room is known, and no file outgrows its subject."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "engine" / "lumaflux"
# Room -> the rooms that it may import, beside ALWAYS; `progress` is the commands' own.
ALLOWED = {
    "errors": set(),
    "checked_fields": set(),
    "arguments": set(),
    "settings": set(),
    "threads": set(),
    "torch_import": set(),
    "endings": set(),
    "file_lock": set(),
    "options": set(),
    "digests": set(),
    "version": set(),
    "color": set(),
    "ops": set(),
    "store": set(),
    "media": {"color"},
    "model": {"color", "ops"},
    "backends": {"model"},
    "inference": {"color", "ops", "store", "model", "backends"},
    "viewing": {"color", "media"},
    "render": {"endings", "color", "media", "backends", "inference"},
    "lut": {"color", "media", "backends", "inference", "render"},
    "demo": {"color", "media", "backends", "inference", "render", "viewing"},
    "service": {"color", "media", "model", "backends", "inference", "render"},
    "timeline": {"color", "media", "inference", "backends", "render", "service"},
    "farm": {"color", "media", "model", "backends", "inference", "render"},
    "export": {"endings", "color", "ops", "model", "backends", "inference"},
    "lab/data": {"endings", "color", "media"},
    "lab/evaluation": {"endings", "color", "media", "model", "backends", "inference", "viewing", "lab/data"},
    "lab/training": {"endings", "color", "model", "inference", "backends", "timeline", "lab/data", "lab/evaluation"},
    "lab/bench": {
        "endings",
        "color",
        "ops",
        "media",
        "model",
        "backends",
        "inference",
        "render",
        "lab/data",
        "lab/evaluation",
        "lab/training",
    },
    "progress": {"media", "render", "doctor", "lab/evaluation"},  # what it prints; types alone
    "doctor": {"model", "backends", "inference"},
}
DOORS = {"cli", "__init__", "__main__"}  # nothing imports them; they import what they like, when it is called for
ALWAYS = {
    "errors",
    "arguments",
    "checked_fields",
    "settings",
    "options",
    "digests",
    "version",
    "threads",
    "torch_import",
    "file_lock",
}
HOLD_NO_CODE = {"weights", "lab"}
NO_FILES_OR_VIDEO = ("av", "OpenImageIO", "OpenEXR", "PIL")


def room_of(parts):
    """The room of a path or a dotted name below the package."""
    first = parts[0].removesuffix(".py")
    return f"lab/{parts[1].removesuffix('.py')}" if first == "lab" and len(parts) > 1 else first


def modules():
    """(room, path) of every module of the product."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield room_of(path.relative_to(PACKAGE).parts), path
    for path in sorted((ROOT / "export").rglob("*.py")):
        yield "export", path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def rooms_imported(path):
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "lumaflux" and len(parts) > 1:
            yield room_of(parts[1:])


def test_every_room_is_known():
    found = {room for room, _ in modules()} - HOLD_NO_CODE
    assert found - {"lab/__init__"} == set(ALLOWED) | DOORS


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows(room):
    allowed = ALLOWED[room] | ALWAYS | {room}
    for owner, path in modules():
        if owner != room:
            continue
        extra = {"progress"} if path.name.endswith("commands.py") else set()  # a part of the command line
        wrong = set(rooms_imported(path)) - allowed - extra
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_rooms_form_no_circle():
    order, open_rooms = [], dict(ALLOWED)
    while open_rooms:
        free = [room for room, allowed in open_rooms.items() if allowed <= set(order) | {room}]
        assert free, f"a circle among {sorted(open_rooms)}"
        order += free
        for room in free:
            del open_rooms[room]


def test_files_form_no_circle():
    """Imports inside functions and for types alone count: a circle that is put off is a circle."""
    below = {name: set(found) for name, found in file_arrows().items()}
    while below:
        free = [name for name, found in below.items() if not found & set(below) - {name}]
        assert free, f"a circle among {sorted(below)}"
        for name in free:
            del below[name]


def file_arrows():
    """Module -> the modules of the product that it imports."""
    names = {}
    for _, path in modules():
        parts = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).with_suffix("").parts
        head = ("lumaflux",) if path.is_relative_to(PACKAGE) else ()
        names[".".join(head + (parts[:-1] if parts[-1] == "__init__" else parts))] = path
    found = {}
    for name, path in names.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        found[name] = {module for module in imported_modules(path, package, names) if module != name}
    return found


def imported_modules(path, package, names):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            asked = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")] if node.level else []
            start = ".".join(filter(None, base)) if node.level else node.module
            inner = [f"{start}.{alias.name}" for alias in node.names]
            asked = [name for name in inner if name in names] or [start]
        else:
            continue
        yield from (name for name in asked if name in names)


def test_fewer_than_100_arrows_join_the_rooms():
    apart = ALWAYS | DOORS  # what every room may import is no arrow
    found = {(room, other) for room, path in modules() for other in rooms_imported(path) if room != other}
    arrows = [pair for pair in found if not apart & set(pair)]
    assert len(arrows) < 100
    assert f"({len(arrows)} with the four parts" in (ROOT / "docs" / "architecture.md").read_text()


def test_the_picture_of_the_rooms_is_that_of_the_imports():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "draw_rooms.py", "--check"])
    assert done.returncode == 0, "run python scripts/draw_rooms.py"


def test_the_maps_name_every_room_and_no_file_that_is_not_there():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("__")}
    readme, walk = ((ROOT / name).read_text() for name in ("README.md", "docs/architecture.md"))
    assert {room for room in rooms if f"`{room}`" not in readme} == set()
    assert {room for room in rooms if f"{room}/" not in walk} == set()
    for name, function in re.findall(r"`([\w/]+\.py)`(?: \(`(\w+)`\))?", walk):
        path = PACKAGE / name if (PACKAGE / name).exists() else ROOT / name
        assert re.search(rf"(def|class) {function or ''}", path.read_text()), f"{name} has no {function}"


def test_the_product_does_not_import_the_lab():
    for room, path in modules():
        if room.startswith("lab") or room in DOORS | {"progress"}:
            continue
        assert not [name for name in rooms_imported(path) if name.startswith("lab")], path.relative_to(ROOT)


@pytest.mark.parametrize("room", ["color", "model"])
def test_color_and_model_read_no_files(room):
    for owner, path in modules():
        if owner == room:
            found = [name for name in imports(path) if name.split(".")[0] in NO_FILES_OR_VIDEO]
            assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_nothing_imports_a_door():
    for room, path in modules():  # but `python -m lumaflux`, which is the command itself
        doors = {"lumaflux.__main__"} if room == "__main__" else {"lumaflux.cli", "lumaflux.__main__"}
        assert doors.isdisjoint(imports(path)), path.relative_to(ROOT)


def test_files_stay_small():
    sources = [p for folder in ("engine", "export", "native", "tests") for p in (ROOT / folder).rglob("*.[pc]*")]
    too_long = [p.name for p in sources if p.suffix in (".py", ".cpp") and len(p.read_text().splitlines()) > 500]
    assert not too_long


def test_functions_stay_short():
    """Without what they say of themselves."""
    long = []
    for _, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                said = (ast.get_docstring(node, clean=False) or "").count("\n")
                lines = (node.end_lineno or node.lineno) - node.lineno + 1 - said
                if lines > 60:
                    long.append(f"{path.name}: {node.name} has {lines}")
    assert long == []


def test_hooks_run_what_lint_runs():
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = {found.removesuffix(" .") for found in re.findall(r"\$\(BIN\)/(.+)", recipe)}
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    assert {hook["entry"].removeprefix(".venv/bin/") for hook in hooks[0]["hooks"]} == commands
    assert len(commands) == 4


def test_help_imports_nothing_slow():
    script = "import lumaflux.cli, sys; print([m for m in ('torch', 'diffusers', 'av', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
