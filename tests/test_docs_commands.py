"""Commands of the documentation: every one can be parsed as it stands, and what no test runs says what it needs."""

import re
import shlex
from pathlib import Path

import pytest
from lumaflux.export.commands import app as export_app

from lumaflux.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MENTIONED = re.compile(r"\.\.\.|\d\.\.\d|^lumaflux clip\.mov$")  # a part left out, a range; a job's name in a dashboard
GUIDE = [ROOT / "README.md", ROOT / "docs/index.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
_PROGRAM = r"(?:\.venv/bin/)?lumaflux|python -m export"


def commands(page):
    """The whole commands of a page: lines of code, and in tables and sentences what has arguments."""
    text = page.read_text().replace("\\\n", " ")
    for line in re.findall(rf"^ *(?:\$ )?((?:{_PROGRAM}) .+)$", "\n".join(blocks(text)), re.M):
        yield from (part.strip() for part in re.split(r"&&|\|\|", line) if re.match(_PROGRAM, part.strip()))
    for quoted in re.findall(rf"`((?:{_PROGRAM}) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S)):
        words = " ".join(quoted.split())
        if re.search(r"\s(?:\S+\.\w+|\S+/|[A-Z]{2,}|CONFIG)(?:\s|$)", words) and not MENTIONED.search(words):
            yield words


def blocks(text):
    yield from re.findall(r"```\w*\n(.*?)```", text, re.S)
    yield from re.findall(r"(?:^    .*\n)+", text, re.M)


def tokens(command):
    """The words of a command without its comment; of what may be left out ([...]) without that."""
    return shlex.split(re.sub(r"\s\[[^\]]*\]", "", command), comments=True)


def sentences(text):
    """Of prose, list items and cells of tables; code counts as words where it stands in a sentence."""
    text = re.sub(r"(?m)^    .*$", "", re.sub(r"```.*?```", "", text, flags=re.S))
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\. ))", text):
        for cell in block.split("|") if block.lstrip().startswith("|") else [block]:
            yield from re.split(r"(?<=[.!?])[*\"')]*\s+(?=[A-Z`*\"\[(])", " ".join(cell.split()))


@pytest.mark.parametrize("page", GUIDE, ids=lambda path: path.name)
def test_sentences_of_the_guide_are_short(page):
    assert [each for each in sentences(page.read_text()) if len(each.split()) > 35] == []


def test_long_sentences_are_found():
    long = "Word " + "and word " * 18 + "end."
    assert (
        max(len(each.split()) for each in sentences(f"Short one. {long} Short.\n\n- Item of a list\n- another")) == 38
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_can_be_parsed(page):
    for command in commands(page):
        words = tokens(command)
        of, rest = (app, words[1:]) if words[0].endswith("lumaflux") else (export_app, words[3:])
        rest = ["./-" if word == "-" else word for word in rest if word not in ("...", "<", ">")]
        try:
            function, _, ignored = of.parse_args(rest, exit_on_error=False, print_error=False)
        except Exception as error:
            raise AssertionError(f"{command}: {error}") from None
        assert function is not None, command
        assert not ignored, command
