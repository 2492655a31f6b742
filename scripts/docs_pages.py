"""Pages of the documentation that are made from the code: an MkDocs hook (mkdocs.yml names it).

The commands' reference comes from the command line's own declaration, the settings' from their descriptor; the model
card and the project's pages are those of the repository.
"""

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
COPIED = {
    "model-card.md": "engine/lumaflux/weights/lite/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
_OUTWARD = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!docs/)[^)]*\)")  # leaves docs/: it has no place on the site
_INWARD = re.compile(r"\]\(docs/")
_ERRORS = ("UserError", "FrameError", "MissingExtraError")


def on_config(config: "MkDocsConfig") -> "MkDocsConfig":
    """Every decision stands in the navigation below their index, in order of its number."""
    decisions = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    for part in config.nav or []:
        for entry in part.get("Project", []) if isinstance(part, dict) else []:
            if isinstance(entry, dict) and "Decisions" in entry:
                entry["Decisions"] = ["decisions/index.md", *(f"decisions/{name}" for name in decisions)]
    return config


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Adds the generated pages."""
    from mkdocs.structure.files import File

    pages = {target: (ROOT / source).read_text() for target, source in COPIED.items()}
    pages["reference/commands.md"] = commands_page()
    pages["reference/settings.md"] = settings_page()
    pages["reference/messages.md"] = messages_page()
    for target, text in pages.items():
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links to files of the repository become their names."""
    return _INWARD.sub("](", _OUTWARD.sub(r"`\1`", markdown))


def commands_page() -> str:
    """Every command and option, as ``--help`` shows them."""
    from lumaflux.cli import app

    text = app.generate_docs(output_format="markdown", max_heading_level=4)
    head = "# Commands\n\nMade from the command line's declaration; `COMMAND --help` says the same.\n"
    return re.sub(r"\A# .*\n", head, text)


def settings_page() -> str:
    """The look controls with unit, range and default: command, effect, farm and timeline share them."""
    from lumaflux.settings import Settings, choices, controls

    spans = {name: f"{control.low:g} to {control.high:g} {control.unit}" for name, control in controls().items()}
    spans |= {name: ", ".join(f"`{word}`" for word in choice.values) for name, choice in choices().items()}
    shown, defaults = {**controls(), **choices()}, Settings()
    lines = ["# Settings", "", "Command, effect, farm, timeline and Python take the same settings.", ""]
    lines += ["| setting | option | range | default | what it does |", "|---|---|---|---|---|"]
    for entry in fields(Settings):
        name, default = entry.name, getattr(defaults, entry.name)
        option = f"`--{name.replace('_', '-')}`"
        lines.append(f"| {shown[name].label} | {option} | {spans[name]} | {default} | {shown[name].help} |")
    return "\n".join(lines) + "\n"


def messages_page() -> str:
    """Every message of bad input, as the code states it; what stands in braces is filled in."""
    lines = ["# Messages", "", "What stands in braces is filled in. Exit code 2, or 3 where frames failed.", ""]
    for folder in (ROOT / "engine/lumaflux", ROOT / "export"):
        for path in sorted(folder.rglob("*.py")):
            found = sorted({text for node in ast.walk(ast.parse(path.read_text())) if (text := _message(node))})
            if found:
                lines += [f"## {path.relative_to(ROOT)}", "", *(f"- `{text}`" for text in found), ""]
    return "\n".join(lines) + "\n"


def _message(node: object) -> str | None:
    """The text that a UserError is raised with, if ``node`` raises one with a text of its own."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS and node.args):
        return None
    text = node.args[0]
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return text.value.replace("`", "'")
    if isinstance(text, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
            for part in text.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        ]
        return "".join(map(str, parts)).replace("`", "'")
    return None
