import json

import numpy as np
import pytest

from lumaflux.color.spaces import SPACES
from lumaflux.errors import UserError
from lumaflux.service.parameters import (
    FROM_HOST,
    INPUT_COLOURSPACES,
    INPUT_SPACES,
    OUTPUT_COLOURSPACES,
    OUTPUT_SPACES,
    VIEWS,
    parameters_json,
    parse_parameters,
    write_parameters,
)
from lumaflux.settings import Settings, controls


def by_name(description):
    return {parameter["name"]: parameter for parameter in description["parameters"]}


def test_every_setting_is_a_parameter_with_its_own_range():
    described = by_name(parameters_json())
    for name, control in controls().items():
        parameter = described[name]
        assert (parameter["min"], parameter["max"]) == (control.low, control.high)
        assert parameter["default"] == getattr(Settings(), name)
        assert parameter["min"] <= parameter["display_min"] < parameter["display_max"] <= parameter["max"]
        assert parameter["type"] == ("int" if name in ("steps", "seed") else "double")


def test_settings_in_words_are_choices():
    source = by_name(parameters_json())["source"]
    assert (source["type"], source["default"]) == ("choice", "auto")
    assert source["values"] == ["auto", "camera", "graded"]
    assert parse_parameters({"source": "camera"}).settings.source == "camera"
    with pytest.raises(UserError, match="source is 'film'; choose one of auto, camera, graded"):
        parse_parameters({"source": "film"})


def test_names_are_unique_and_groups_exist():
    description = parameters_json()
    groups = [group["name"] for group in description["groups"]]
    names = [parameter["name"] for parameter in description["parameters"]]
    assert len({*groups, *names}) == len(groups) + len(names)
    assert {parameter["group"] for parameter in description["parameters"]} == set(groups)


def test_choices_have_one_value_each_and_labels_that_every_host_shows():
    for parameter in parameters_json()["parameters"]:
        assert "-" not in parameter["label"]
        if parameter["type"] == "choice":
            assert len(parameter["choices"]) == len(parameter["values"]) == len(set(parameter["values"]))
            assert parameter["default"] in parameter["values"]
            assert not any(character in label for label in parameter["choices"] for character in "/-|;")


def test_spaces_are_known_to_the_engine():
    assert set(INPUT_SPACES) | set(OUTPUT_SPACES) <= set(SPACES)


def test_every_default_in_the_description_parses_to_the_default():
    described = by_name(parameters_json()).items()
    own = ("button", "text", "label")
    silent = ("secret", "own")
    heard = [(name, each) for name, each in described if each["type"] not in own and not any(map(each.get, silent))]
    values = {name: parameter["default"] for name, parameter in heard}
    assert values.pop("input_space") == FROM_HOST  # the effect resolves it
    assert parse_parameters(values) == parse_parameters({})


def test_pipelines_set_spaces_that_the_menus_offer():
    described = by_name(parameters_json())
    pipeline = described["pipeline"]
    assert set(pipeline["sets"]) == set(pipeline["values"]) - {"own"}
    for wanted in pipeline["sets"].values():
        assert set(wanted) == {"input_space", "output_space"}
        assert all(value in described[name]["values"] for name, value in wanted.items())


def test_colour_spaces_of_a_host_are_spaces_of_the_effect():
    described = by_name(parameters_json())
    assert set(INPUT_COLOURSPACES.values()) <= set(described["input_space"]["values"])
    assert sorted(OUTPUT_COLOURSPACES.values()) == sorted(OUTPUT_SPACES)


def test_every_choice_parses():
    for name, choices in (("input_space", INPUT_SPACES), ("output_space", OUTPUT_SPACES), ("view", VIEWS)):
        for value in choices:
            assert getattr(parse_parameters({name: value}), name) == value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"strenght": 1.0}, "unknown parameter 'strenght'"),
        ({"strength": "1"}, "must be of the type float"),
        ({"strength": True}, "must be of the type float"),
        ({"strength": float("nan")}, "must be between"),
        ({"steps": 2.0}, "must be of the type int"),
        ({"bypass": 1}, "must be of the type bool"),
        ({"view": "sideways"}, "choose one of result"),
        ({"model": ""}, "model is empty"),
        ({"target_peak": 300, "reference_white": 400.0}, "target peak is 300"),
    ],
)
def test_what_is_wrong_is_named(values, said):
    with pytest.raises(UserError, match=said):
        parse_parameters(values)


def test_models_of_the_user_come_after_the_one_that_ships(tmp_path):
    target = tmp_path / "parameters.json"
    write_parameters(target, {"/models/own": "Own"})
    write_parameters(target, {"/models/own": "Own"})
    model = by_name(json.loads(target.read_text()))["model"]
    assert (model["choices"], model["values"]) == (["Lite", "Own"], ["lite", "/models/own"])
    assert [path.name for path in tmp_path.iterdir()] == ["parameters.json"]


def test_names_of_colour_spaces_are_those_of_the_configuration_that_openfx_names():
    """OpenFX 1.5's ofx-native-v1.5_aces-v1.3_ocio-v2.3 has the aliases of OpenColorIO's configuration of that name."""
    ocio = pytest.importorskip("PyOpenColorIO")
    config = ocio.Config.CreateFromBuiltinConfig("studio-config-v2.1.0_aces-v1.3_ocio-v2.3")
    for names in (INPUT_COLOURSPACES, OUTPUT_COLOURSPACES):
        for name in names:
            found = config.getColorSpace(name)
            assert name == "ofx_display_sdr" or name in (found.getName(), *found.getAliases()), name
    grey = config.getProcessor("ACEScct", "ACEScg").getDefaultCPUProcessor().applyRGB([0.4135884] * 3)
    ours = SPACES["acescct"].decode(np.full((3, 1, 1), 0.4135884))
    np.testing.assert_allclose(grey, ours.ravel(), atol=1e-6)
