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
CARD = ROOT / "engine/lumaflux/weights/lite/README.md"
OTHERS = [*sorted(set((ROOT / "docs").glob("*.md")) - set(GUIDE)), *sorted(set(ROOT.glob("*.md")) - set(GUIDE)), CARD]
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


@pytest.mark.parametrize("page", OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_of_other_pages_can_be_read_at_once(page):
    """Lists of formats and figures are longer than prose; decisions are records, and left out."""
    assert [each for each in sentences(page.read_text()) if len(each.split()) > 60] == []


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


# What runs a command of the pages: a test, and the function that it calls with the command's own arguments; or a need.
RUN_BY = {
    "convert": ("render/test_command.py", "main"),
    "watch": ("render/test_watch.py", "watch"),
    "verify": ("render/test_certificate.py", "verify"),
    "restore": ("render/test_round_trip.py", "restore"),
    "analyze": ("render/test_analysis.py", "analyze"),
    "info": ("media/test_info.py", "info"),
    "view": ("viewing/test_view.py", "app"),
    "compare": ("viewing/test_comparison.py", "compare"),
    "demo": ("demo/test_page.py", "demo"),
    "export-lut": ("lut/test_lut.py", "write_lut"),
    "learn": ("lab/training/test_look.py", "look"),
    "doctor": ("test_doctor.py", "examine"),
    "curate": ("lab/data/curation/test_curate.py", "curate"),
    "corpus-sheet": ("lab/evaluation/test_corpus_sheet.py", "corpus_sheet"),
    "train": ("lab/training/test_loop.py", "run_stage"),
    "evaluate": ("lab/evaluation/test_evaluate.py", "evaluate("),
    "adapters": ("model/test_pretrained.py", "adapters"),
    "build-engine": ("export/test_build.py", "build_engine"),
    "models get": ("store/test_models.py", '"get"'),
    "models path": ("store/test_models.py", '"path"'),
    "models remove": ("store/test_models.py", '"remove"'),
    "models verify": ("store/test_models.py", "verify"),
    "farm frames": ("farm/test_commands.py", '"frames"'),
    "farm status": ("farm/test_commands.py", '"status"'),
    "farm verify": ("farm/test_commands.py", '"verify"'),
    "farm encode": ("farm/test_commands.py", '"encode"'),
    "farm job": ("farm/test_bundle.py", "make_bundle"),
    "farm run": ("farm/test_bundle.py", "run_bundle"),
    "farm opencue": ("farm/test_opencue.py", "write_job"),
    "farm ray": ("farm/test_ray.py", "ray"),
    "timeline show": ("timeline/test_timeline_render.py", "find"),
    "timeline render": ("timeline/test_timeline_render.py", "render_timeline"),
    "plugin install": ("service/test_bundle.py", "install"),
    "plugin status": ("service/test_bundle.py", "status"),
    "plugin uninstall": ("service/test_bundle.py", "uninstall"),
    "plugin scope": ("service/test_scope_codes.py", "scope"),
    "luma-eval build": ("lab/evaluation/test_commands.py", "build"),
    "luma-eval verify": ("lab/evaluation/test_commands.py", "verify"),
    "luma-eval run": ("lab/evaluation/test_commands.py", "run"),
    "luma-eval report": ("lab/evaluation/test_commands.py", "report"),
    "luma-eval ablation": ("lab/evaluation/test_commands.py", "ablation"),
    "luma-eval lpips-weights": ("lab/evaluation/metrics/test_lpips_checkpoint.py", "lpips-weights"),
    "luma-eval invariants": ("lab/evaluation/test_invariants.py", "invariants"),
    "bench": ("lab/bench/test_bench_commands.py", "bench"),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_runs_what_the_commands_call(page):
    for command in commands(page):
        words = [word for word in tokens(command) if not word.startswith("-")]
        names = words[1:3] if words[0].endswith("lumaflux") else ["build-engine"]
        name = next((name for name in (" ".join(names), names[0]) if name in RUN_BY), None)
        assert name is not None, f"{command}: name the test that runs it"
        file, word = RUN_BY[name]
        assert word in (ROOT / "tests" / file).read_text(), f"{command}: {file} has no {word}"
