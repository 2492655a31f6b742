"""Hosts that lack, refuse and ignore things: the effect says what is wrong and never brings them down."""

from pathlib import Path

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import BAD_HANDLE, DEFAULT, FAILED, MISSING_FEATURE, OK

from lumaflux.service.client import Client
from lumaflux.service.runtime import answers

ACTIONS = [
    "OfxActionCreateInstance",
    "OfxActionDestroyInstance",
    "OfxActionInstanceChanged",
    "OfxImageEffectActionGetRegionsOfInterest",
    "OfxImageEffectActionIsIdentity",
    "OfxImageEffectActionRender",
    "OfxImageEffectActionDescribeInContext",
    "OfxActionDescribe",
]


@pytest.fixture
def poor(shared_scene):
    """poor(faults): a host with these faults and the instance "a", on the module's engine."""
    hosts = []

    def _poor(**faults):
        hosts.append(shared_scene.host("a", faults=faults))
        hosts[-1].do("set", instance="a", values={"strength": 0.0})
        return hosts[-1]

    yield _poor
    for host in hosts:
        host.quit()
        shared_scene.hosts.remove(host)


@pytest.fixture
def broken(shared_scene):
    """broken(faults): a host that has not loaded anything; its load's answer."""
    hosts = []

    def _broken(**faults):
        hosts.append(shared_scene.host(loaded=False))
        library = shared_scene.bundle / "Contents" / "Linux-x86-64" / "LumaFlux.ofx"
        return hosts[-1], hosts[-1].do("load", library=str(library), faults=faults)["status"]

    yield _broken
    for host in hosts:
        host.quit()
        shared_scene.hosts.remove(host)


@pytest.mark.parametrize("suite", ["OfxPropertySuite", "OfxImageEffectSuite", "OfxParameterSuite"])
def test_a_host_without_a_suite_that_is_needed_is_told_at_load(broken, suite):
    host, status = broken(missing_suites=[suite])
    assert status == MISSING_FEATURE
    for action in ACTIONS:  # a host that goes on
        assert host.do("action", action=action)["status"] == MISSING_FEATURE
    assert host.do("unload")["status"] == MISSING_FEATURE


@pytest.mark.parametrize("member", ["propGetString", "propSetInt", "clipGetImage", "paramGetValue"])
def test_a_suite_whose_needed_member_is_null_counts_as_missing(broken, member):
    assert broken(null_members=[member])[1] == MISSING_FEATURE


@pytest.mark.parametrize(
    "faults",
    [
        {"missing_suites": ["OfxMessageSuite"]},
        {"null_members": ["paramGetValueAtTime"]},
        {"null_members": ["abort"]},
        {"null_members": ["clipGetRegionOfDefinition"]},
        {"null_members": ["propGetDimension", "propSetStringN", "imageMemoryAlloc", "paramEditBegin"]},
        {"refuse_unknown": True},
        {"refused_writes": ["OfxParamPropDoubleType", "OfxPropVersionLabel", "OfxPropPluginDescription"]},
        {"refused_writes": ["OfxImageClipPropFieldExtraction", "OfxParamPropScriptName", "OfxParamPropPageChild"]},
        {"unreadable": ["OfxImageEffectPropRenderScale", "OfxImageEffectPropFieldToRender"]},
        {"unreadable": ["OfxImageEffectPropRenderQualityDraft", "OfxImageEffectPropInteractiveRenderStatus"]},
        {"unreadable": ["OfxImageEffectPropPreMultiplication", "OfxImageEffectPropRenderWindow"]},
        {"null_strings": ["OfxImageEffectPropFieldToRender", "OfxImagePropField"]},
        {"host_depths": ["OfxBitDepthFloat"]},
        {"host_depths": ["none"]},
    ],
    ids=str,
)
def test_what_can_be_done_without_is_done_without(poor, frame, convert, faults):
    whole = convert(poor(), frame)
    np.testing.assert_array_equal(convert(poor(**faults), frame), whole)


def test_depths_are_those_that_the_host_has(poor):
    for offered, described in [
        (["OfxBitDepthFloat"], ["OfxBitDepthFloat"]),
        (["none"], ["OfxBitDepthFloat", "OfxBitDepthShort", "OfxBitDepthByte"]),  # half is younger than some hosts
    ]:
        properties = poor(host_depths=offered).do("describe")["properties"]
        assert properties["OfxImageEffectPropSupportedPixelDepths"][: len(described)] == described


@pytest.mark.parametrize("source", ["failed", "null_handle", "null_data"])
def test_an_unconnected_source_is_a_message_and_a_failure(poor, frame, source):
    host = poor(source=source)
    target = blank(frame)
    before = bytes(target.memory)
    assert host.render("a", Picture(frame), target)["status"] == FAILED
    assert any("connect a clip" in text for text in host.said())
    assert target.untouched(before)


def test_a_frame_that_the_host_has_not_is_a_failure(poor, frame):
    host = poor()
    assert host.render("a", None, blank(frame))["status"] == FAILED
    host.put("source", Picture(frame))
    host.do("connect", instance="a", clip="Source", picture="source", time=3)
    assert host.do("render", instance="a", time=3)["status"] == FAILED  # no image to write to
    assert len(host.said()) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"components": "OfxImageComponentAlpha"}, "RGB or RGBA"),
        ({"depth": "OfxBitDepthNone"}, "8-bit, 16-bit or float"),
        ({"row_bytes": 16}, "rows overlap"),
        ({"bounds": [0, 0, 0, 0]}, "without size"),
        ({"bounds": [5, 5, 1, 1]}, "without size"),
        ({"depth": ""}, "8-bit, 16-bit or float"),
    ],
)
def test_an_image_that_cannot_be_is_a_message_and_a_failure(poor, frame, wrong, said):
    host = poor()
    target = blank(frame)
    before = bytes(target.memory)
    assert host.render("a", Picture(frame, **wrong), target)["status"] == FAILED
    assert host.render("a", Picture(frame), blank(frame, **wrong))["status"] == FAILED
    assert all(said in text for text in host.said())
    assert target.untouched(before)


def test_source_and_target_of_different_depths_are_a_failure(poor, frame):
    host = poor()
    assert host.render("a", Picture(frame), blank(frame.astype(np.float16)))["status"] == FAILED
    assert "bit depths" in host.said()[-1]


def test_a_message_goes_when_the_next_frame_succeeds(poor, frame, convert):
    host = poor()
    for _ in range(2):
        assert host.render("a", None, blank(frame))["status"] == FAILED
        convert(host, frame)
        convert(host, frame)
    calls = [message["call"] for message in host.do("report")["messages"]]
    assert calls == ["persistent", "clear"] * 2


@pytest.mark.parametrize(
    "faults",
    [
        {"null_members": ["setPersistentMessage"]},
        {"missing_suites": ["OfxMessageSuite/2"]},
        {"null_members": ["setPersistentMessage", "message"]},
    ],
    ids=str,
)
def test_without_persistent_messages_a_passing_one_comes_once(poor, frame, faults):
    host = poor(**faults)
    for _ in range(3):
        assert host.render("a", None, blank(frame))["status"] == FAILED
    messages = host.do("report")["messages"]
    assert [(message["call"], message["type"]) for message in messages] == [("message", "OfxMessageError")]


def test_a_host_that_cannot_say_anything_still_gets_the_failure(poor, frame):
    host = poor(null_members=["setPersistentMessage", "message", "message1", "clearPersistentMessage"])
    assert host.render("a", None, blank(frame))["status"] == FAILED
    assert host.said() == []


@pytest.mark.parametrize("bare", [False, True])
def test_null_handles_are_refused_in_every_action(poor, bare):
    host = poor()
    for action in ACTIONS:
        status = host.do("action", action=action, bare=bare)["status"]
        assert status in (BAD_HANDLE, FAILED, DEFAULT), action
        assert status != DEFAULT or "Instance" in action or "Get" in action or "Is" in action
    assert host.do("action", action=None)["status"] not in (OK, DEFAULT)


def test_null_arguments_are_survived(poor, frame, convert):
    host = poor()
    for action in ("InstanceChanged", "ImageEffectActionGetRegionsOfInterest", "ImageEffectActionIsIdentity"):
        name = f"Ofx{'Action' if action == 'InstanceChanged' else ''}{action}"
        assert host.do("action", action=name, instance="a", bare=True)["status"] in (DEFAULT, FAILED, OK)
    assert host.do("action", action="OfxImageEffectActionRender", instance="a", bare=True)["status"] == FAILED
    assert np.isfinite(convert(host, frame)).all()


def test_a_host_that_ignores_a_failed_creation(broken, shared_scene, frame):
    host, status = broken(refused_writes=["OfxPropInstanceData"])
    assert status == OK
    host.do("describe")
    host.do("describe_in_context")
    assert host.do("create", instance="a")["status"] == FAILED
    host.put("source", Picture(frame))
    assert host.render("a", Picture(frame), blank(frame))["status"] == FAILED
    assert host.do("identity", instance="a")["status"] == DEFAULT
    assert host.do("regions", instance="a")["status"] == DEFAULT
    assert host.do("change", instance="a", name="model")["status"] == DEFAULT
    assert host.do("destroy", instance="a")["status"] == DEFAULT


def test_an_instance_destroyed_twice_is_survived(poor):
    host = poor()
    assert host.do("action", action="OfxActionDestroyInstance", instance="a")["status"] == OK
    assert host.do("destroy", instance="a")["status"] == DEFAULT


def test_unloading_while_idle_and_coming_back(shared_scene, frame, convert):
    with shared_scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        first = convert(host, frame)
        host.do("destroy", instance="a")
        assert host.do("unload", close=True)["status"] == OK
        host.open(shared_scene.bundle, "a")
        host.do("set", instance="a", values={"strength": 0.0})
        np.testing.assert_array_equal(convert(host, frame), first)
    shared_scene.hosts.remove(host)


@pytest.mark.parametrize("way", ["exit", "leave"])
def test_a_host_that_leaves_while_it_renders_leaves_nothing_behind(shared_scene, until, way):
    host = shared_scene.host("a")
    shared_scene.hosts.remove(host)
    host.do("set", instance="a", values={"steps": 100})  # slow, see conftest
    host.begin_render("a", Picture(np.zeros((30, 30, 4), np.float32)), blank(np.zeros((30, 30, 4), np.float32)))
    until(lambda: answers(shared_scene.directory))  # of the engine that the frame starts where none runs yet
    with Client(shared_scene.directory) as client:  # it has the frame, and knows whose it is
        until(lambda: client.ping()["busy"])
    until(lambda: list(Path("/dev/shm").glob(f"lumaflux-{host.pid}-*")))
    host.begin(way)
    assert host.process.wait(20) == 0
    host.end()
    until(lambda: not list(Path("/dev/shm").glob(f"lumaflux-{host.pid}-*")))
