"""The files of a job bundle: all of them or none, whatever ends the writing."""

import os
from pathlib import Path

import pytest

from lumaflux.errors import UserError
from lumaflux.farm.template import write_together

TEXTS = {"values.yaml": "a: 1", "parameters.yaml": "b: 2", "template.yaml": "c: 3"}


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_is_left_of_a_bundle_that_was_not_written(tmp_path, monkeypatch, number, raised):
    whole, calls = Path.write_text, []

    def write_text(self, *arguments, **named):
        calls.append(self)
        if len(calls) > number:
            raise raised
        return whole(self, *arguments, **named)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises((KeyboardInterrupt, UserError)):
        write_together(tmp_path / "bundle", TEXTS, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_what_names_the_others_comes_last(tmp_path, monkeypatch):
    whole, order = os.replace, []

    def replace(before, after):
        order.append(Path(after).name)
        whole(before, after)

    monkeypatch.setattr(os, "replace", replace)
    write_together(tmp_path / "bundle", TEXTS, overwrite=False)
    assert order == list(TEXTS)
    assert {path.name: path.read_text() for path in (tmp_path / "bundle").iterdir()} == TEXTS


def test_a_folder_that_was_there_stays_and_so_does_what_is_in_it(tmp_path):
    (tmp_path / "parameters.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"parameters\.yaml exists already"):
        write_together(tmp_path, TEXTS, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["parameters.yaml"]
    write_together(tmp_path, TEXTS, overwrite=True)
    assert (tmp_path / "parameters.yaml").read_text() == "b: 2"
