"""Options: each one once, offered by every door that it applies to, and every name that is advised is real."""

import ast
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from lumaflux.export.commands import app as export_app

from lumaflux.cli import app
from lumaflux.options import (
    CertificateOptions,
    ConfidenceOptions,
    DamageOptions,
    EncodeOptions,
    FarmOptions,
    FrameOptions,
    MatchOptions,
    ModelOptions,
    PictureTargetOptions,
    RoundTripOptions,
    SourceOptions,
    TargetOptions,
    ToneOptions,
    VideoOptions,
)
from lumaflux.settings import Settings

ROOT = Path(__file__).parents[1]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*[a-z0-9](?![\w-])")
ALWAYS = {"--help", "--version", "--list-devices"}
# What the pages and messages say of other programs, by the program.
FOREIGN = {
    "ray": {"--head", "--port", "--num-cpus", "--generate"},
    "pip": {"--no-deps"},
    "build": {"--wheel"},
    "openjd": {"--step", "--run-dependencies"},
    "docker": {"--shm-size"},
    "x265": {"--y4m"},
    "pytest": {"--dist"},
    "trackio": {"--project"},
    "accelerate": {"--num_processes"},
    "chromium": {"--no-sandbox"},
    "mpv": {"--vf", "--glsl-shaders"},
    "nvcc": {"--gpu-architecture", "--std", "--ptxas-options"},
}
ARGUMENT = re.compile(r'add_argument\(\s*"(--[a-z-]+)"')  # of what runs as python -m lumaflux.lab...
DOORS = {
    "convert": (
        Settings,
        SourceOptions,
        DamageOptions,
        FrameOptions,
        ModelOptions,
        ToneOptions,
        EncodeOptions,
        PictureTargetOptions,
        TargetOptions,
        ConfidenceOptions,
        RoundTripOptions,
        CertificateOptions,
    ),
    "watch": (Settings, SourceOptions, DamageOptions, ModelOptions, ToneOptions, EncodeOptions, PictureTargetOptions),
    "export-lut": (Settings, SourceOptions, ModelOptions, TargetOptions),
    "demo": (ModelOptions,),
    "analyze": (SourceOptions, DamageOptions, ModelOptions, MatchOptions, TargetOptions),
    "farm job": (Settings, FarmOptions, EncodeOptions, TargetOptions),
    "farm frames": (Settings, FarmOptions),
    "farm opencue": (Settings, FarmOptions, EncodeOptions, TargetOptions),
    "farm ray": (Settings, FarmOptions, EncodeOptions, TargetOptions),
    "farm encode": (EncodeOptions, TargetOptions),
    "timeline render": (
        Settings,
        SourceOptions,
        DamageOptions,
        ModelOptions,
        ToneOptions,
        VideoOptions,
        TargetOptions,
    ),
    "serve": (ModelOptions,),
}


def commands(of, path=()):
    """(words, option names) of every command."""
    for name in of:
        if name.startswith("-"):
            continue
        inner = of[name]
        if inner.default_command is None:
            yield from commands(inner, (*path, name))
        else:
            found = {each for argument in inner.assemble_argument_collection() for each in argument.names}
            yield " ".join((*path, name)), {each for each in found if each.startswith("--")} | ALWAYS


KNOWN: dict[str, set[str]] = dict(commands(app))
EXPORT: dict[str, set[str]] = dict(commands(export_app))
SOURCES = [path for folder in ("engine", "export") for path in sorted((ROOT / folder).rglob("*.py"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
EVERY = (
    set()
    .union(*KNOWN.values(), *EXPORT.values(), *FOREIGN.values())
    .union(*(ARGUMENT.findall(path.read_text()) for path in [*SOURCES, *(ROOT / "scripts").rglob("*.py")]))
)


def spelled(field):
    return f"--{field.name.replace('_', '-')}"


@pytest.mark.parametrize("door", DOORS)
def test_every_door_offers_all_that_applies(door):
    wanted = {spelled(field) for group in DOORS[door] for field in fields(group)}
    assert wanted <= KNOWN[door], sorted(wanted - KNOWN[door])


def test_an_option_is_written_once():
    """No command has an argument of its own that bears the name of a shared option."""
    shared = {field.name for group in {g for groups in DOORS.values() for g in groups} for field in fields(group)}
    own = set()
    for room in ("render", "farm", "timeline", "service"):
        tree = ast.parse((ROOT / "engine" / "lumaflux" / room / "commands.py").read_text())
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            own |= {(room, function.name, argument.arg) for argument in function.args.kwonlyargs}
    twice = {entry for entry in own if entry[2] in shared}
    # Two of the look alone go into a track; an encode names its clip and its rate; an effect offers many models; a
    # certificate is verified by a number of frames that a seed draws, and where its source is now.
    assert twice <= {
        ("render", "analyze", "steps"),
        ("render", "analyze", "seed"),
        ("render", "analyze", "overwrite"),
        ("render", "restore", "overwrite"),
        ("render", "verify", "frames"),
        ("render", "verify", "seed"),
        ("render", "verify", "source"),
        ("farm", "job", "overwrite"),
        ("farm", "opencue", "overwrite"),
        ("farm", "ray", "overwrite"),
        ("farm", "encode", "overwrite"),
        ("farm", "encode", "fps"),
        ("farm", "encode", "source"),
        ("farm", "verify", "source"),
        ("farm", "verify", "seed"),
        ("service", "install", "model"),
        ("service", "scope", "model"),
    }


def texts(path):
    """The string constants of a module, with their lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_every_option_that_a_message_names_is_there():
    wrong = []
    for path in SOURCES:
        for line, text in texts(path):
            wrong += [f"{path.name}:{line}: {name}" for name in OPTION.findall(text) if name not in EVERY]
    assert not wrong


@pytest.mark.parametrize("room", ["media", "inference", "model", "backends"])
def test_what_a_shared_room_advises_every_door_takes(room):
    """A message of these rooms may reach a person through any door: it advises options of the groups that all have."""
    groups = {group: {spelled(field) for field in fields(group)} for group in (SourceOptions, ModelOptions)}
    doors = {"convert", "analyze", "farm job", "farm frames", "timeline render"}
    for path in sorted((ROOT / "engine" / "lumaflux" / room).rglob("*.py")):
        for _, text in texts(path):
            for name in OPTION.findall(text):
                if any(name in names for names in groups.values()):
                    assert all(name in KNOWN[door] for door in doors), f"{path.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_that_a_page_names_is_there(page):
    wrong = [name for name in OPTION.findall(page.read_text()) if name not in EVERY]
    assert not wrong


def calls(page):
    """The calls of `lumaflux` in a page: words in back quotes, or on an indented or fenced line."""
    text = page.read_text().replace("\\\n", " ")
    quoted = re.findall(r"`((?:lumaflux|python -m export) [^`]+)`", text)
    lines = re.findall(r"^(?: {4,}|\$ ?)?((?:lumaflux|python -m export) .+)$", text, re.M)
    return [re.split(r"\s{2,}#|\s#\s|\|\||\||>", call)[0].strip() for call in [*quoted, *lines]]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_calls_of_a_page_use_options_of_their_command(page):
    for call in calls(page):
        try:
            words = shlex.split(call.replace("...", ""))
        except ValueError:
            continue
        known = KNOWN if words[0] == "lumaflux" else EXPORT
        words = words[1:] if words[0] == "lumaflux" else words[3:]
        command = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in known), None)
        if command is None:
            assert not OPTION.findall(call) or words[0] in ("farm", "timeline", "luma-eval"), call
            continue
        named = set(OPTION.findall(call))
        assert named <= known[command], f"{call}: {sorted(named - known[command])}"
