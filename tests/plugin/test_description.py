"""What hosts learn of the effect before they render."""

import json
import os

import pytest
from host_pictures import Picture
from host_process import DEFAULT, OK

import lumaflux
from lumaflux.service.bundle import NAME
from lumaflux.service.parameters import parameters_json

TYPES = {
    "double": "OfxParamTypeDouble",
    "int": "OfxParamTypeInteger",
    "choice": "OfxParamTypeChoice",
    "boolean": "OfxParamTypeBoolean",
    "file": "OfxParamTypeString",
    "button": "OfxParamTypePushButton",
    "text": "OfxParamTypeString",
    "label": "OfxParamTypeString",
}


@pytest.fixture
def described(shared_scene):
    with shared_scene.host() as host:
        yield host.do("describe"), host.do("describe_in_context", context="OfxImageEffectContextGeneral")
    shared_scene.hosts.remove(host)


def test_the_effect_says_what_it_is(described):
    effect = described[0]["properties"]
    assert effect["OfxPropLabel"] == ["LumaFlux ITM"]
    assert effect["OfxPropVersionLabel"] == [lumaflux.__version__]
    contexts = ["OfxImageEffectContextFilter", "OfxImageEffectContextGeneral"]
    assert effect["OfxImageEffectPropSupportedContexts"] == contexts
    assert effect["OfxPropIcon"] == ["org.lumaflux.itm.svg", "org.lumaflux.itm.png"]
    depths = [f"OfxBitDepth{depth}" for depth in ("Float", "Half", "Short", "Byte")]
    assert effect["OfxImageEffectPropSupportedPixelDepths"] == depths
    assert effect["OfxImageEffectPropSupportsTiles"] == [0]
    assert effect["OfxImageEffectPluginPropHostFrameThreading"] == [0]
    assert effect["OfxImageEffectPluginRenderThreadSafety"] == ["OfxImageEffectRenderInstanceSafe"]
    assert not any("OpenCL" in name or "Cuda" in name or "OpenGL" in name for name in effect)


def test_both_contexts_have_the_same_clips_and_parameters(described):
    general = described[1]
    assert sorted(general["clips"]) == ["Output", "Source"]
    for clip in general["clips"].values():
        supported = clip["OfxImageEffectPropSupportedComponents"]
        assert supported == ["OfxImageComponentRGBA", "OfxImageComponentRGB"]


def test_the_parameters_are_the_engine_s(described):
    wanted = parameters_json({"tiny": "Tiny"})
    found = {member["name"]: member for member in described[1]["parameters"]}
    for group in wanted["groups"]:
        assert found[group["name"]]["type"] == "OfxParamTypeGroup"
        assert found[group["name"]]["properties"]["OfxPropLabel"] == [group["label"]]
    for parameter in wanted["parameters"]:
        member = found[parameter["name"]]
        properties = member["properties"]
        assert member["type"] == TYPES[parameter["type"]]
        assert properties["OfxPropLabel"] == [parameter["label"]]
        assert properties["OfxParamPropHint"] == [parameter["hint"]]
        assert properties["OfxParamPropParent"] == [parameter["group"]]
        if parameter["type"] == "choice":
            assert properties["OfxParamPropChoiceOption"] == parameter["choices"]
            assert properties["OfxParamPropDefault"] == [parameter["values"].index(parameter["default"])]
        elif parameter["type"] != "button":
            assert properties["OfxParamPropDefault"] == [parameter["default"]]
        if parameter["type"] in ("double", "int"):  # one host needs all four
            for name, key in [
                ("OfxParamPropMin", "min"),
                ("OfxParamPropMax", "max"),
                ("OfxParamPropDisplayMin", "display_min"),
                ("OfxParamPropDisplayMax", "display_max"),
            ]:
                assert properties[name] == [parameter[key]]
    names = [parameter["name"] for parameter in wanted["parameters"]]
    page = found["controls"]
    assert page["type"] == "OfxParamTypePage"
    assert page["properties"]["OfxParamPropPageChild"] == names
    assert len(found) == len(names) + len(wanted["groups"]) + 1


def test_the_built_bundle_ships_the_engine_s_parameters(built):
    file = built.bundle / "Contents" / "Resources" / "parameters.json"
    assert json.loads(file.read_text()) == parameters_json()


def test_identity_is_bypass_and_nothing_else(host, frame):
    assert host.do("identity", instance="a", time=4)["status"] == DEFAULT
    host.do("set", instance="a", values={"strength": 0.0})
    assert host.do("identity", instance="a", time=4)["status"] == DEFAULT
    host.do("set", instance="a", values={"bypass": True})
    identity = host.do("identity", instance="a", time=4)
    assert identity == {"status": OK, "out": {"OfxPropName": ["Source"], "OfxPropTime": [4]}, "id": identity["id"]}


def test_the_whole_source_is_needed_for_any_part(host, frame):
    host.put("source", Picture(frame, corner=(-3, 5)))
    host.do("connect", instance="a", clip="Source", picture="source", time=2)
    regions = host.do("regions", instance="a", time=2)
    assert (regions["status"], regions["out"]) == (OK, {"OfxImageClipPropRoI_Source": [-3, 5, 49, 42]})


def test_what_it_does_not_know_is_left_to_the_host(host):
    for action in ("OfxImageEffectActionGetTimeDomain", "OfxActionBeginInstanceEdit", "org.example.action", ""):
        assert host.do("action", action=action, instance="a")["status"] == DEFAULT


def test_a_changed_model_is_answered_at_once_and_starts_nothing(scene):
    with scene.host("a") as host:
        assert host.do("change", instance="a", name="model")["status"] == OK
        assert host.do("change", instance="a", name="strength")["status"] == DEFAULT
        assert scene.pids() == []


def test_loading_describing_and_creating_start_no_engine(scene):
    with scene.host("a", "b") as host:
        host.do("identity", instance="a")
        host.do("destroy", instance="b")
        assert host.do("unload", close=False)["status"] == OK
    assert scene.pids() == []
    assert not (scene.root / f"lumaflux-{os.geteuid()}").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("parameters.json", None),
        ("parameters.json", "{"),
        ("parameters.json", '{"version": 2, "groups": [], "parameters": []}'),
        ("parameters.json", '{"version": 1, "groups": [], "parameters": []}'),
    ],
)
def test_a_broken_bundle_is_refused_with_a_word(scene, file, text):
    if text is None:
        (scene.resources / file).unlink()
    else:
        (scene.resources / file).write_text(text)
    host = scene.host(loaded=False)
    library = scene.bundle / "Contents" / "Linux-x86-64" / "LumaFlux.ofx"
    assert scene.bundle.name == NAME
    assert host.do("load", library=str(library))["status"] == OK
    statuses = [host.do("describe")["status"], host.do("describe_in_context")["status"]]
    assert statuses[1] not in (OK, DEFAULT)
    assert "plugin install" in host.errors()
