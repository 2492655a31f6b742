"""What the pages show beside `lumaflux` and `export`: modules, make, pip, scripts, programs of others, files, code."""

import ast
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from lumaflux.lab.evaluation.sets.specification import read_specification
from lumaflux.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
TESTS = "\n".join(path.read_text() for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# What a test does not run as the page does: measurements of minutes, whose parts have tests where they can.
MEASUREMENTS = ("lumaflux.farm.measure", "lumaflux.lab.bench.")
# Programs of others, which no test here calls as the page does, and what the page says of each.
OTHERS = {"ray": "cluster", "accelerate": "accelerate", "openjd": "openjd-cli", "ffmpeg": "x265", "git": "clone"}
# Blocks that say their language, by the test that reads or runs each.
BLOCKS = {
    "README.md": "python",  # tests/test_docstrings.py runs these three
    "docs/guide/quick-start.md": "python",
    "docs/reference/python.md": "python",
    "docs/vapoursynth.md": "python",
    "docs/sets.md": "yaml",
}


def blocks_of(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.S | re.M)


def words_of(page):
    """The words of every command: lines of code without a language, and what stands in back quotes with arguments."""
    text = page.read_text().replace("\\\n", " ")
    code = "\n".join([*re.findall(r"```\n(.*?)```", text, re.S), *re.findall(r"(?:^    .*\n)+", text, re.M)])
    quoted = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    for command in [*code.splitlines(), *(" ".join(each.split()) for each in quoted)]:
        for part in re.split(r"&&|\|\|?", re.split(r"\s#\s|\s{2,}#", command)[0]):
            words = part.split()
            while words and re.fullmatch(r"[A-Z_]+=\S*|\$", words[0]):
                words.pop(0)
            if words:
                yield [words[0].removeprefix(".venv/bin/").removeprefix("ComfyUI/"), *words[1:]]


COMMANDS = [(page, words) for page in PAGES for words in words_of(page)]


def modules():
    for page, words in COMMANDS:
        if words[0] in ("python", "python3") and words[1:2] == ["-m"] and words[2].startswith("lumaflux."):
            yield page, words[2], words[3:]
        elif words[0] == "accelerate" and "-m" in words:
            rest = words[words.index("-m") + 1 :]
            yield page, rest[0], rest[1:]


CALLS = {f"{page.relative_to(ROOT)}: {name} {' '.join(rest)}".strip(): (name, rest) for page, name, rest in modules()}


@pytest.mark.parametrize("call", CALLS)
def test_a_module_is_there_takes_the_options_and_has_a_test(call):
    name, rest = CALLS[call]
    path = ROOT / "engine" / name.replace(".", "/")
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    source = path.read_text()
    if "read_pool_command" in source:
        source += (ROOT / "engine/lumaflux/lab/data/sources.py").read_text()
    assert '__name__ == "__main__"' in source
    options = {word for word in rest if word.startswith("--")}
    assert {option for option in options if f'"{option}"' not in source} == set()
    parent, _, last = name.rpartition(".")
    named = rf"\b{re.escape(name)}\b|from {re.escape(parent)} import .*\b{last}\b"
    assert name.startswith(MEASUREMENTS) or re.search(named, TESTS), "no test names it"


def test_modules_are_found():
    assert len(CALLS) > 15


def test_targets_of_make_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {word for _, words in COMMANDS if words[0] == "make" for word in words[1:] if "=" not in word}
    assert {"setup", "test", "demo", "plugin"} < named <= targets


def test_extras_are_there():
    named = {
        extra
        for path in [*PAGES, *(ROOT / "engine").rglob("*.py"), *(ROOT / "export").rglob("*.py")]
        for group in re.findall(r"lumaflux\[([a-z,]+)\]", path.read_text())
        for extra in group.split(",")
    }
    assert {"farm", "export", "demo"} < named <= set(EXTRAS)
    installs = (ROOT / "docs/guide/install.md").read_text()
    assert {extra for extra in named if f"| `{extra}` |" not in installs} == set()


def test_scripts_are_there():
    named = {word for _, words in COMMANDS for word in words if re.match(r"(scripts|examples|\.ci)/\S+", word)}
    assert {"scripts/draw_rooms.py", "scripts/gpu/day.py", ".ci/run"} < named
    assert {name for name in named if not (ROOT / name.rstrip("/,.")).exists()} == set()


def test_nothing_is_installed_by_a_name_that_no_registry_has():
    """Extras of the installed package are (docs/guide/install.md); the package itself is not."""
    bare = [(str(page), words) for page, words in COMMANDS if words[0].endswith("pip") and "lumaflux" in words]
    assert bare == []


@pytest.mark.parametrize("program", OTHERS)
def test_pages_say_what_programs_of_others_need(program):
    pages = {page for page, words in COMMANDS if words[0] == program and len(words) > 2}
    assert pages
    assert {page.name for page in pages if OTHERS[program] not in page.read_text()} == set()


def test_every_block_of_a_language_has_a_test():
    found = {
        (str(page.relative_to(ROOT)), language)
        for page in PAGES
        for language in re.findall(r"^```(\w+)$", page.read_text(), re.M)
    }
    assert found == set(BLOCKS.items())


def test_the_specification_of_a_set_is_a_sound_one(tmp_path):
    (text,) = blocks_of(ROOT / "docs/sets.md", "yaml")
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    read = read_specification(path)
    assert read.name == "mine"
    assert [source.kind for source in read.sources] == ["panorama", "still", "gain-map", "file", "video", "pairs"]


def test_the_script_for_vapoursynth_calls_what_there_is():
    """Where VapourSynth imports, tests/integrations/test_vapoursynth.py runs it."""
    (text,) = blocks_of(ROOT / "docs/vapoursynth.md", "python")
    module = ast.parse((ROOT / "integrations/vapoursynth/lumaflux_vs.py").read_text())
    functions = {each.name: each.args for each in module.body if isinstance(each, ast.FunctionDef)}
    calls = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Call)]
    called = {}
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        if ast.unparse(call.func.value) == "lumaflux_vs":
            called[call.func.attr] = {keyword.arg for keyword in call.keywords}
    assert called.keys() == {"tones", "convert"}
    for name, keywords in called.items():
        known = {each.arg for each in functions[name].kwonlyargs} | {each.name for each in fields(Settings)}
        assert keywords <= known, name
