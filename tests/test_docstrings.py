"""The public API, as docs/reference/python.md shows it: what is described, and that its examples are true."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import lumaflux

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/python.md").read_text()
SHOWN = re.findall(r"^::: ([\w.]+)$", PAGE, re.M)


def resolved(name):
    """The object of a dotted name, and the module that it is in."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        found = module
        for part in parts[cut:]:
            found = getattr(found, part)
        return found, module
    raise AssertionError(name)


def functions(name):
    """(name, function) of what is public below an entry of the page."""
    found, module = resolved(name)
    if inspect.isfunction(found):
        yield name, found
    elif inspect.ismodule(found):
        for each, below in vars(found).items():
            if inspect.isfunction(below) and below.__module__ == module.__name__ and not each.startswith("_"):
                yield f"{name}.{each}", below
    elif name.endswith(".Converter"):
        members = re.search(rf"^::: {re.escape(name)}\n    options:\n      members: \[(.*)\]", PAGE, re.M)
        assert members is not None, name
        for each in members[1].split(", "):
            yield f"{name}.{each}", getattr(found, each)


DESCRIBED = dict(entry for name in SHOWN for entry in functions(name))


def test_the_package_is_typed_and_its_names_are_shown():
    assert (ROOT / "engine/lumaflux/py.typed").is_file()
    assert lumaflux.load in DESCRIBED.values()
    assert set(lumaflux.__all__) == {"__version__", "load"}


@pytest.mark.parametrize("name", DESCRIBED)
def test_arguments_and_results_are_described(name):
    function, text = DESCRIBED[name], inspect.getdoc(DESCRIBED[name]) or ""
    signature = inspect.signature(function)
    arguments = text.split("Args:\n")[1] if "Args:" in text else ""
    for each in signature.parameters:
        assert each == "self" or re.search(rf"^    {each}: ", arguments, re.M), each
    assert signature.return_annotation in (None, inspect.Signature.empty) or "Returns:\n" in text
    source = inspect.getsource(inspect.unwrap(function))
    assert ("raise " not in source and "_batch(" not in source) or "Raises:\n" in text
    assert ">>> " in text, "an example, which the next test runs"


@pytest.mark.parametrize("name", sorted({resolved(name)[1].__name__ for name in SHOWN}))
def test_examples_are_true(name):
    flags = doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0
    assert result.attempted > 0, "an example at least"


def test_the_examples_of_the_pages_run():
    """Python of README, of the quick start and of the reference, one after the other, with the default model."""
    import numpy as np

    names = {"sdr": np.full((3, 36, 64), 0.5, np.float32)}
    for page in ("README.md", "docs/guide/quick-start.md", "docs/reference/python.md"):
        (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
        exec(code.replace("(3, 360, 640)", "(3, 36, 64)"), names)  # the page shows a video's size
        assert names["hdr_pq"].shape == (3, 36, 64)
        assert 0 <= names["hdr_pq"].min() <= names["hdr_pq"].max() <= 1
