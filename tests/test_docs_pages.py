"""The documentation: pages made from the code hold all of it, every page is reached, every link leads somewhere."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lumaflux.settings import Settings

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DECISIONS = sorted(path for path in (ROOT / "docs/decisions").glob("*.md") if path.name != "index.md")
NAMING = (".py", ".md", ".yaml")  # suffixes of files that may name a decision


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "scripts/docs_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_have_a_row_each(pages):
    text = pages.settings_page()
    rows = {row.split("|")[2].strip(" `") for row in text.splitlines()[6:]}
    shown = {f"--{entry.name.replace('_', '-')}" for entry in fields(Settings)}
    assert rows == shown
    assert "| Exposure | `--exposure` | -6 to 6 stops | 0.0 |" in text


def test_commands_are_all_there(pages):
    text = pages.commands_page()
    for words in ("lumaflux convert", "lumaflux farm job", "lumaflux luma-eval", "--target-peak", "--keep-going"):
        assert words in text
    assert text.startswith("# Commands\n\nMade from")


def test_messages_come_from_every_room(pages):
    text = pages.messages_page()
    assert len(re.findall(r"^- `", text, re.M)) > 300
    for room in ("media", "render", "farm", "service", "inference", "timeline"):
        assert f"## engine/lumaflux/{room}/" in text
    assert "`the frame holds NaN or infinite values; repair them before converting`" in text


def listed(entry):
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for below in entry.values():
            yield from listed(below)
    else:
        for below in entry:
            yield from listed(below)


def test_every_page_is_in_the_navigation(pages):
    made = {*pages.COPIED, *(f"reference/{name}.md" for name in ("commands", "settings", "messages"))}
    nav = set(listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    found = {str(path.relative_to(ROOT / "docs")) for path in PAGES}
    assert nav == {page for page in found | made if not page.startswith("decisions/")}


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("*.md")], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(pages, page):
    generated = {*pages.COPIED, "reference/commands.md", "reference/settings.md", "reference/messages.md"}
    for target, _ in LINK.findall(page.read_text()):
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve()
        assert path.exists() or str(path.relative_to(ROOT / "docs")) in generated, target


def anchors(path):
    """The anchors of a page's headings, as the site makes them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        yield re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def test_anchors_are_headings_of_their_page(pages):
    wrong, seen = [], 0
    for page in [*PAGES, *ROOT.glob("*.md")]:
        for target, anchor in LINK.findall(page.read_text()):
            path = (page.parent / (target or page.name)).resolve()
            if not anchor or "://" in target or path.suffix != ".md":
                continue
            if not path.exists():
                path = ROOT / pages.COPIED.get(str(path.relative_to(ROOT / "docs")), "none.md")
            seen += 1
            wrong += [] if path.exists() and anchor[1:] in anchors(path) else [f"{page.name}: {target}{anchor}"]
    assert not wrong
    assert seen > 5


def test_lines_fit_a_page():
    """120 columns, but for rows of tables, which Markdown cannot break."""
    files = [*PAGES, *ROOT.glob("*.md")]
    wide = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120 and not line.startswith("|")
    }
    assert wide == set()


def test_decisions_are_numbered_without_gaps_as_their_titles_are():
    assert [path.name[:5] for path in DECISIONS] == [f"{number:04d}-" for number in range(1, len(DECISIONS) + 1)]
    for number, path in enumerate(DECISIONS, 1):
        assert path.read_text().startswith(f"# {number}. ")


def test_the_index_of_decisions_asks_and_answers_for_each():
    rows = [line for line in (ROOT / "docs/decisions/index.md").read_text().splitlines() if line.startswith("| [")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [link for link, *_ in cells] == [f"[{number}]({path.name})" for number, path in enumerate(DECISIONS, 1)]
    assert [row for row in cells if len(row) != 3 or row[1][-1:] != "?" or row[2][-1:] != "."] == []


def test_decisions_follow_their_index_in_the_navigation(pages):
    config = pages.on_config(SimpleNamespace(**yaml.safe_load((ROOT / "mkdocs.yml").read_text())))
    shown = [page for page in listed(config.nav) if page.startswith("decisions/")]
    assert shown == ["decisions/index.md", *(f"decisions/{path.name}" for path in DECISIONS)]


def test_decisions_that_are_named_are_there():
    there = {path.name for path in DECISIONS}
    numbers = {int(name[:4]) for name in there}
    asked = [ROOT / "pyproject.toml", *PAGES]
    asked += [path for room in ("engine", "export") for path in (ROOT / room).rglob("*") if path.suffix in NAMING]
    for path in asked:
        text = path.read_text()
        assert set(re.findall(r"decisions/(\d{4}-[\w-]+\.md)", text)) <= there, path
        assert {int(number) for number in re.findall(r"decisions?[ /](\d{1,4})\b", text)} <= numbers, path
