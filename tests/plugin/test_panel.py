"""What the panel says and sets: the engine and the last frame, pipelines, and a failure drawn where that is wanted."""

import plistlib
import struct

import numpy as np
import pytest
from host_pictures import DEPTHS, Picture, blank
from host_process import FAILED, OK

import lumaflux

FULL = {"float": (0.5, 1.0), "half": (0.5, 1.0), "short": (0x8000, 0xFFFF), "byte": (0x80, 0xFF)}


def says(host, name="strength"):
    return host.do("change", instance="a", name=name)["values"]


def test_the_last_frame_is_said_when_the_host_takes_values(host, frame, convert):
    assert says(host)["frame_says"] == ""
    convert(host, frame, time=7)  # the host lets no render set a parameter
    values = says(host)
    assert values["engine_says"] == "tiny by PyTorch on cpu"
    assert values["frame_says"].startswith("frame 7, 52x37: ")
    assert values["frame_says"].endswith(" s, no tone track")
    convert(host, frame, time=7)
    host.do("action", action="OfxActionBeginInstanceEdit", instance="a")
    assert "(kept from before)" in says(host)["frame_says"]


def test_the_model_is_loaded_before_a_frame_asks_for_it(scene):
    host = scene.host("a")
    answer = host.do("change", instance="a", name="load_model")
    assert answer["status"] == OK, host.said()
    assert 0 < answer["progress"] < 1
    said = answer["values"]["engine_says"]
    assert said.startswith(f"tiny by PyTorch on cpu, process {scene.pids()[0]}, ")
    scene.engine(command="exit 1")
    scene.kill_engines()
    assert host.do("change", instance="a", name="load_model")["status"] == FAILED
    assert "the LumaFlux engine could not start" in host.said()[-1]


@pytest.mark.slow
def test_a_frame_says_what_it_waits_for(scene, frame, convert):
    """Pings begin after two seconds without a word."""
    scene.engine(
        "import lumaflux.inference.load as loading\n"
        "load = loading.load_chosen\n"
        "loading.load_chosen = lambda options: (time.sleep(4), load(options))[1]\n"
    )
    host = scene.host("a")
    convert(host, frame)
    messages = host.do("report")["messages"]
    assert (messages[0]["type"], messages[-1]["call"]) == ("OfxMessageMessage", "clear")
    assert messages[0]["text"] == "this frame waits until the model tiny is loaded"


def test_a_pipeline_sets_the_spaces_until_one_is_chosen_by_hand(host, choice):
    host.do("set", instance="a", values={"pipeline": choice("pipeline", "nuke-linear")})
    values = says(host, "pipeline")
    assert values["input_space"] == choice("input_space", "linear-bt709")
    assert values["output_space"] == choice("output_space", "linear-bt709")
    host.do("set", instance="a", values={"output_space": choice("output_space", "acescg")})
    values = says(host, "output_space")
    assert (values["pipeline"], values["input_space"]) == (0, choice("input_space", "linear-bt709"))


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_failure_is_drawn_where_that_is_wanted(host, depth):
    host.do("set", instance="a", values={"draw_failures": True, "tone_track": "/no/such.track.json"})
    source = np.zeros((40, 300, 4), DEPTHS[depth][0])
    target = blank(source)
    answer = host.render("a", Picture(source), target)
    host.do("set", instance="a", values={"draw_failures": False, "tone_track": ""})
    assert answer["status"] == OK
    assert "/no/such.track.json" in host.said()[-1]
    ink, full = FULL[depth]
    assert (target.pixels[..., 3] == full).all()
    letter = target.pixels[2:9, 2:7, 0]  # the L of LumaFlux: 300 pixels are 50 letters of 6
    np.testing.assert_array_equal(letter[:-1, 0], ink)
    np.testing.assert_array_equal(letter[-1], ink)
    assert not letter[:-1, 1:].any()
    assert set(np.unique(target.pixels[..., 0])) == {0, DEPTHS[depth][0](ink)}


def test_the_bundle_has_its_icon_and_says_its_version(built):
    resources = built.bundle / "Contents" / "Resources"
    assert (resources / "org.lumaflux.itm.svg").read_text().startswith("<svg")
    assert struct.unpack(">II", (resources / "org.lumaflux.itm.png").read_bytes()[16:24]) == (128, 128)
    facts = plistlib.loads((built.bundle / "Contents" / "Info.plist").read_bytes())
    assert (facts["CFBundleVersion"], facts["CFBundleExecutable"]) == (lumaflux.__version__, "LumaFlux.ofx")
