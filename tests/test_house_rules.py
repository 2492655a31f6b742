"""The arrows between rooms point one way, and no file outgrows its subject."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "engine"
# room -> rooms it may import (itself, errors and settings are always allowed)
ALLOWED = {
    "color": set(),
    "media": {"color"},
    "kernels": set(),
    "model": {"color", "kernels"},
    "backends": {"model"},
    "inference": {"color", "kernels", "model", "backends"},
    "data": {"color", "media"},
    "service": {"color", "media", "model", "backends", "inference", "convert", "analysis"},
    "farm": {"color", "media", "model", "backends", "inference", "service", "convert", "analysis"},
    "convert": {"color", "media", "backends", "inference", "analysis"},
    "training": {"color", "model", "data", "inference", "backends", "evaluation"},
    "evaluation": {"color", "media", "model", "backends", "inference", "data"},
    "bench": {"color", "kernels", "media", "model", "backends", "inference", "data", "training", "evaluation"},
}
NO_FILES_OR_VIDEO = ("av", "OpenImageIO", "OpenEXR", "PIL")


def modules(room):
    return sorted((ENGINE / room).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows(room):
    for path in modules(room):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "engine" or len(parts) < 2 or parts[1] in (room, "errors", "settings"):
                continue
            allowed = ALLOWED[room] | ({"convert", "analysis"} if room == "bench" else set())
            allowed |= {"progress"} if path.name.endswith("commands.py") else set()  # a part of the command line
            assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("room", ["color", "model"])
def test_color_and_model_read_no_files(room):
    for path in modules(room):
        found = [name for name in imports(path) if name.split(".")[0] in NO_FILES_OR_VIDEO]
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_nothing_imports_a_front_end():
    for path in ENGINE.rglob("*.py"):
        doors = {f"engine.{door}" for door in ("cli", "demo", "farm", "plugin")}
        own = {f"engine.{path.relative_to(ENGINE).parts[0].removesuffix('.py')}"}
        assert not (set(imports(path)) & doors) - own, path.relative_to(ROOT)


def test_files_stay_small():
    sources = [p for folder in ("engine", "export", "native", "tests") for p in (ROOT / folder).rglob("*.[pc]*")]
    too_long = [p.name for p in sources if p.suffix in (".py", ".cpp") and len(p.read_text().splitlines()) > 500]
    assert not too_long


def test_help_imports_nothing_slow():
    import subprocess
    import sys

    script = "import engine.cli, sys; print([m for m in ('torch', 'diffusers', 'av', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
