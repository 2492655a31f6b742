"""What hosts write for the effect's parameters, as the engine's own."""

import pytest

from lumaflux.errors import UserError
from lumaflux.settings import Settings
from lumaflux.timeline.parameters import ClipSettings, clip_settings


def look_of(*given) -> ClipSettings:
    look = clip_settings(*given)
    assert look is not None
    return look


def test_doubles_strings_and_indices():
    look = look_of({"strength": "0.5", "steps": 4.0, "model": 0, "seed": 7, "input_space": 1})
    assert (look.settings, look.model) == (Settings(strength=0.5, steps=4, seed=7), "lite")


def test_labels_and_values_of_choices():
    for space in ("srgb", "sRGB", "From the host, else BT.709 gamma 2.4"):
        assert look_of({"input_space": space}).settings == Settings()


def test_what_the_host_adds_is_ignored():
    assert look_of({"resolve.blend": 1.0, "Name": "LumaFlux ITM", "Type": 13}).settings == Settings()


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "1"])
def test_bypass(value):
    assert clip_settings({"bypass": value}) is None


@pytest.mark.parametrize("value", [False, 0, "false", "0"])
def test_no_bypass(value):
    assert clip_settings({"bypass": value}) is not None


def test_what_a_file_cannot_carry_is_named():
    notes = look_of({"view": "split", "output_space": 3}).notes
    assert len(notes) == 2
    assert "acescg" in notes[1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"strength": 3.0}, "strength is 3"),
        ({"steps": 2.5}, "is no int"),
        ({"steps": "many"}, "is no int"),
        ({"input_space": "linear-bt709"}, "reads linear-bt709"),
        ({"input_space": 99}, "is no choice"),
        ({"input_space": -1}, "is no choice"),
        ({"view": "sideways"}, "is no choice"),
        ({"strength": None}, "is no double"),
    ],
)
def test_what_cannot_be_rendered(values, words):
    with pytest.raises(UserError, match=words):
        clip_settings(values)


def test_the_model_of_the_command_stands_above():
    assert look_of({"model": "/models/a"}).model == "/models/a"
    assert look_of({"model": 0}, "tiny").model == "tiny"
