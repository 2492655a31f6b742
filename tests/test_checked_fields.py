"""Every value of every public object of settings and options: another type, NaN, infinite, negative, nought, huge."""

import math
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

import lumaflux
from lumaflux import checked_fields, options
from lumaflux.errors import UserError
from lumaflux.farm.encode import EncodeRequest
from lumaflux.farm.job_spec import JobSpec
from lumaflux.inference.sampler import Sampling
from lumaflux.options import EncodeOptions, FarmOptions, ModelOptions, RenderingOptions
from lumaflux.render.job import Job
from lumaflux.settings import Settings, controls
from lumaflux.timeline.plan import TimelineOptions

OBJECTS = (
    Settings,
    Job,
    FarmOptions,
    EncodeOptions,
    RenderingOptions,
    TimelineOptions,
    EncodeRequest,
    ModelOptions,
    Sampling,
)
STRANGE = (math.nan, math.inf, -math.inf, 10**400, "", "x", b"1", [], {}, True, object(), np.zeros(2), 1j, (2,))


def kinds():
    for owner in OBJECTS:
        for entry in fields(owner):
            yield owner, entry, checked_fields._kind(entry.type)[0]


NUMBERS = [(owner, entry.name) for owner, entry, kind in kinds() if kind in (int, float)]
WORDS = [(owner, entry.name) for owner, entry, kind in kinds() if get_origin(kind) in (Literal, tuple) or kind is bool]
PATHS = [(owner, entry.name) for owner, entry, kind in kinds() if kind is Path]


def said(owner, **values):
    with pytest.raises(UserError) as refused:
        owner(**values)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


def least(owner, name):
    entry = next(entry for entry in fields(owner) if entry.name == name)
    return (entry.metadata.get("control") or entry.metadata["bounds"]).low


@pytest.mark.parametrize(("owner", "name"), NUMBERS)
def test_numbers(owner, name):
    for value in (*STRANGE, least(owner, name) - 1):
        sentence = said(owner, **{name: value})
        label = controls()[name].label.lower() if owner is Settings else f"--{name.replace('_', '-')}"
        assert sentence.startswith(f"{label} is "), sentence


@pytest.mark.parametrize(("owner", "name"), WORDS)
def test_words_and_flags(owner, name):
    for value in (math.nan, -1, 1, "", "no such word", b"1", {}):
        said(owner, **{name: value})


@pytest.mark.parametrize(("owner", "name"), PATHS)
def test_paths(owner, name):
    for value in (math.nan, 1, "", b"name", [], True):
        said(owner, **{name: value})


def test_every_public_number_has_bounds():
    groups = [
        each
        for each in vars(options).values()
        if isinstance(each, type) and is_dataclass(each) and each.__module__ == options.__name__
    ]
    for owner in (*groups, *OBJECTS, JobSpec):
        for entry in fields(owner):
            if checked_fields._kind(entry.type)[0] in (int, float):
                assert entry.metadata.get("control") or entry.metadata.get("bounds"), (owner, entry.name)


def test_whole_numbers_are_whole():
    assert said(Settings, steps=1.5) == "steps is 1.5; give a whole number between 0 and 100 steps"
    assert said(Job, limit=2.5).startswith("--limit is 2.5; give a whole number between 1 and ")
    assert type(Settings(steps=4.0).steps) is int  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("one", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_other_libraries_become_plain_ones(one):
    assert Settings(strength=one) == Settings(strength=0.5)
    assert type(Settings(strength=one).strength) is float
    assert Settings(seed=np.int64(7)).seed == 7  # pyright: ignore[reportArgumentType]
    assert repr(Settings(exposure=1)) == repr(Settings(exposure=1.0))


def test_text_for_paths_and_numbers_for_text():
    job = Job(mask="m.png", track=Path("t.json"), fps=25, vram=16, tile=256)  # pyright: ignore[reportArgumentType]
    assert (job.mask, job.track, job.frame_rate, job.vram, job.tile) == (Path("m.png"), "t.json", 25, "16", "256")
    assert "give a list of texts" in said(Job, also="sdr=proxy.mp4")
    assert Job(also=["sdr=proxy.mp4"]).also == ("sdr=proxy.mp4",)  # pyright: ignore[reportArgumentType]
    for value in (math.nan, -1, 0, 10**5000):
        said(Job, fps=value)
        said(ModelOptions, vram=value)


@pytest.mark.parametrize(
    "values",
    [{"key_batch": 0}, {"key_batch": 1.5}, {"vram": -1}, {"dtype": "fp64"}, {"compile": "yes"}, {"tile": math.nan}],
)
def test_load(values):
    with pytest.raises(UserError):
        lumaflux.load("tiny", **values)


@pytest.mark.parametrize(
    "values", [{"steps": -1}, {"steps": 1.5}, {"steps": "2"}, {"seed": -1}, {"seed": math.nan}, {"steps": 10**9}]
)
def test_converter(values):
    converter = lumaflux.load("tiny", device="cpu")
    with pytest.raises(UserError, match=r"^--(steps|seed) is "):
        converter.convert(np.zeros((3, 32, 32), np.float32), **values)


def test_values_of_many_letters_are_shortened():
    assert len(said(Settings, source="x" * 10_000)) < 200
    assert "thousands of digits" in said(Settings, seed=10**5000)
    assert get_args(options.Deliver)[0] in said(Job, deliver="hdr11")
