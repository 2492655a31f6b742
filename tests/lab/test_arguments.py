"""Every command of the lab refuses 0, negative and other numbers that cannot be, and inputs that are not there."""

import argparse
import ast
import importlib
import sys
from pathlib import Path

import pytest

import lumaflux.lab
from lumaflux import arguments

LAB = Path(lumaflux.lab.__file__).parent
MODULES = sorted(
    ".".join(("lumaflux.lab", *path.relative_to(LAB).with_suffix("").parts))
    for path in LAB.rglob("*.py")
    if '__name__ == "__main__"' in path.read_text() and "argv" not in path.read_text()
)
READ = {"file_there", "folder_there"}


class FoundParserError(Exception):
    """Carries the parser of a command to the test."""


@pytest.fixture
def parser_of(monkeypatch):
    plain = argparse.ArgumentParser.parse_args

    def found(name):
        def caught(parser, given=None):
            raise FoundParserError(parser)

        with monkeypatch.context() as patched:
            patched.setattr(argparse.ArgumentParser, "parse_args", caught)
            with pytest.raises(FoundParserError) as kept:
                importlib.import_module(name).main()
        (parser,) = kept.value.args
        return parser, plain

    return found


def kind_of(action):
    return getattr(action.type, "__qualname__", "").partition(".")[0]


def refused(capsys, parser, plain, words, value):
    with pytest.raises(SystemExit) as left:
        plain(parser, words)
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert f"'{value}'" in said.splitlines()[-1], (words, said)


@pytest.mark.parametrize("module", MODULES)
def test_numbers_and_inputs(parser_of, capsys, module):
    parser, plain = parser_of(module)
    positional = 0
    for action in parser._actions:
        assert action.type not in (int, float), (module, action.dest)
        flag = action.option_strings[:1]
        before = [] if flag else [str(Path(__file__))] * positional
        positional += not flag
        if kind_of(action) in ("whole", "number", "size", "listed", "one_of"):
            for value in ("", "x", "-7", "1e999", "nan", "0x", "99999999999999999999"):
                refused(capsys, parser, plain, [f"{flag[0]}={value}"] if flag else [*before, value], value)
        if kind_of(action) in READ:
            refused(capsys, parser, plain, [*flag, *before, "no/such.file"], "no/such.file")
        if kind_of(action) == "new_file":
            refused(capsys, parser, plain, [*flag, *before, "no/such/folder.json"], "no/such/folder.json")


@pytest.mark.parametrize("module", MODULES)
def test_what_goes_wrong_ends_in_a_sentence(module):
    """``told`` stands around the work of each, in main or below."""
    tree = ast.parse(Path(sys.modules[module].__file__ if module in sys.modules else _path(module)).read_text())
    assert any(isinstance(node, ast.Call) and getattr(node.func, "id", "") == "told" for node in ast.walk(tree)), module


def _path(module):
    return LAB.joinpath(*module.split(".")[2:]).with_suffix(".py")


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (arguments.whole(), {"1": 1, "24": 24}, ["0", "1.5", "-1", ""]),
        (arguments.whole(0, 51), {"0": 0, "51": 51}, ["52", "-1"]),
        (arguments.number(0.0), {"0": 0.0, "2.5": 2.5}, ["-0.1", "nan", "inf"]),
        (arguments.size(16), {"256x144": (256, 144)}, ["256", "256x", "0x16", "256x150", "-16x16", "16x16x16"]),
        (arguments.listed(arguments.whole(0)), {"0, 24": [0, 24]}, ["", "0,", "0;1"]),
        (arguments.one_of(("a", "b")), {"a": "a"}, ["c", ""]),
    ],
)
def test_kinds(kind, right, wrong):
    for text, value in right.items():
        assert kind(text) == value
    for text in wrong:
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{text.rpartition(',')[2]}'|'{text}'"):
            kind(text)


def test_files_and_folders(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"")
    assert arguments.file_there(str(file)) == file
    assert arguments.folder_there(str(tmp_path)) == tmp_path
    assert arguments.new_file(str(tmp_path / "b")) == tmp_path / "b"
    for kind, name in (
        (arguments.file_there, tmp_path),
        (arguments.folder_there, file),
        (arguments.new_file, tmp_path),
        (arguments.new_file, file / "b"),
        (arguments.file_there, ""),
        (arguments.folder_there, ""),
        (arguments.new_file, ""),
    ):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(str(name))
