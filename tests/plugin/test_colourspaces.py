"""Hosts of OpenFX 1.5 that name the colour spaces of their clips, and those that do not."""

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import DEFAULT, FAILED, OK

from lumaflux.options import ModelOptions
from lumaflux.service.parameters import INPUT_COLOURSPACES, RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.settings import Settings

STYLE = "OfxImageEffectPropColourManagementStyle"
PREFIX = "OfxImageEffectColourManagement"
CORE = PREFIX + "Core"
CONFIGS = "OfxImageEffectPropColourManagementAvailableConfigs"
CONFIG = "ofx-native-v1.5_aces-v1.3_ocio-v2.3"
PREFERENCES = "OfxImageEffectActionGetClipPreferences"
STATIC = {"strength": 0.0}


def expected(pixels, space):
    how = RenderParameters(settings=Settings(**STATIC), model="tiny", input_space=space)
    return Renderer(ModelOptions(device="cpu")).render_frame(pixels, how).pixels


@pytest.fixture
def managed(shared_scene):
    """A host that manages colour, with one instance."""
    with shared_scene.host("a", faults={"colour_management": CORE}) as host:
        host.do("set", instance="a", values=STATIC)
        yield host
    shared_scene.hosts.remove(host)


@pytest.mark.parametrize(("offered", "chosen"), [("Basic", "Basic"), ("Full", "Full"), ("OCIO", "Full")])
def test_named_spaces_are_asked_for_in_the_host_s_style(shared_scene, offered, chosen):
    with shared_scene.host("a", faults={"colour_management": PREFIX + offered}) as host:
        described = host.do("describe")["properties"]
    shared_scene.hosts.remove(host)
    assert (described[STYLE], described[CONFIGS]) == ([PREFIX + chosen], [CONFIG])


def test_they_are_not_asked_for_where_the_host_has_none_or_other_names(shared_scene, managed, host):
    assert managed.do("describe")["properties"][STYLE] == [CORE]
    assert STYLE not in host.do("describe")["properties"]
    assert host.do("action", action=PREFERENCES, instance="a")["status"] == DEFAULT
    with shared_scene.host("a", faults={"colour_management": CORE, "colour_config": "ofx-native-v9"}) as other:
        assert STYLE not in other.do("describe")["properties"]
    shared_scene.hosts.remove(other)


def test_what_can_be_converted_is_preferred(managed, choice):
    answer = managed.do("action", action=PREFERENCES, instance="a")
    wanted = answer["out"]["OfxImageClipPropPreferredColourspaces_Source"]
    assert answer["status"] == OK
    assert sorted(wanted) == sorted(
        name for name in INPUT_COLOURSPACES if not name.startswith("davinci")
    )  # not in Core
    assert INPUT_COLOURSPACES[wanted[0]] == "bt709-bt1886"
    managed.do("set", instance="a", values={"input_space": choice("input_space", "acescg")})
    answer = managed.do("action", action=PREFERENCES, instance="a")
    assert answer["out"] == {"OfxImageClipPropPreferredColourspaces_Source": ["ACEScg"]}
    # No name for it in Core: the user says which of its kind comes.
    managed.do("set", instance="a", values={"input_space": choice("input_space", "davinci-intermediate")})
    answer = managed.do("action", action=PREFERENCES, instance="a")
    assert answer["out"] == {"OfxImageClipPropPreferredColourspaces_Source": ["ofx_scene_log"]}


@pytest.mark.parametrize(
    ("space", "name"),
    [("linear-bt709", "ofx_scene_linear"), ("acescct", "ofx_scene_log"), ("srgb", "ofx_display_sdr")],
)
def test_a_host_without_names_is_asked_for_a_kind(shared_scene, choice, space, name):
    with shared_scene.host("a", faults={"colour_management": PREFIX + "Basic"}) as host:
        host.do("set", instance="a", values={"input_space": choice("input_space", space)})
        answer = host.do("action", action=PREFERENCES, instance="a")
    shared_scene.hosts.remove(host)
    assert answer["out"] == {"OfxImageClipPropPreferredColourspaces_Source": [name]}


@pytest.mark.parametrize(
    ("name", "space"),
    [("srgb_tx", "srgb"), ("lin_rec709_srgb", "linear-bt709"), ("ACEScct", "acescct"), ("", "bt709-bt1886")],
)
def test_the_clip_s_space_is_taken_where_the_user_says_none(managed, frame, convert, name, space):
    managed.do("connect", instance="a", clip="Source", colourspace=name)
    np.testing.assert_array_equal(convert(managed, frame), expected(frame, space))


def test_what_the_user_says_comes_first(managed, frame, convert, choice):
    managed.do("connect", instance="a", clip="Source", colourspace="ACEScg")
    managed.do("set", instance="a", values={"input_space": choice("input_space", "srgb")})
    np.testing.assert_array_equal(convert(managed, frame), expected(frame, "srgb"))


def test_a_host_that_names_nothing_means_bt_709(host, frame, convert):
    host.do("set", instance="a", values=STATIC)
    np.testing.assert_array_equal(convert(host, frame), expected(frame, "bt709-bt1886"))


def test_a_space_that_is_not_converted_is_a_message(managed, frame):
    managed.do("connect", instance="a", clip="Source", colourspace="arri_logc4")
    target = blank(frame)
    before = bytes(target.memory)
    assert managed.render("a", Picture(frame), target)["status"] == FAILED
    assert "arri_logc4" in managed.said()[-1]
    assert target.untouched(before)


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ("pq-bt2020", "rec2100_pq_display"),
        ("hlg-bt2020", "rec2100_hlg_display"),
        ("pq-p3d65", "st2084_p3d65_display"),
        ("linear-bt2020", "lin_rec2020"),
        ("davinci-intermediate", "ofx_scene_log"),
    ],
)
def test_the_host_learns_what_comes_out(managed, choice, space, name):
    managed.do("set", instance="a", values={"output_space": choice("output_space", space)})
    answer = managed.do("action", action="OfxImageEffectActionGetOutputColourspace", instance="a")
    assert (answer["status"], answer["out"]) == (OK, {"OfxImageClipPropColourspace": [name]})
    assert managed.do("action", action="OfxImageEffectActionGetOutputColourspace")["status"] == DEFAULT
    managed.do("set", instance="a", values={"bypass": True})
    answer = managed.do("action", action="OfxImageEffectActionGetOutputColourspace", instance="a")
    assert answer["out"] == {"OfxImageClipPropColourspace": ["OfxColourspace_Source"]}
