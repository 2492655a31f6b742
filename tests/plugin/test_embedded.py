"""The engine in the host's own process: only when asked for, and only where no other Python is."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import FAILED, OK

import lumaflux
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.inference.tone_track import read_track
from lumaflux.service import bundle
from lumaflux.service.embedded import check
from lumaflux.settings import Settings

EMBED = {"LUMAFLUX_EMBED": "1"}
ADVICE = "unset LUMAFLUX_EMBED"


@pytest.fixture
def about(scene):
    """What `plugin install` writes; a Python without a shared library cannot be embedded, here as anywhere."""
    if scene.built.sanitized:
        pytest.skip("the bridge and Python are not sanitized")
    installed = bundle.install(scene.root / "installed", built=scene.built.bundle)
    facts = json.loads((installed / "Contents" / "Resources" / "engine.json").read_text())
    if not facts["library"]:
        pytest.skip("this Python has no shared library")
    scene.about(**facts)
    return facts


def refused(scene, frame, said, **environment):
    host = scene.host("a", **EMBED, **environment)
    target = blank(frame)
    before = bytes(target.memory)
    assert host.render("a", Picture(frame), target)["status"] == FAILED
    assert said in host.said()[-1]
    assert ADVICE in host.said()[-1]
    assert target.untouched(before)
    assert scene.pids() == []


def test_a_host_without_python_gets_the_same_pixels_without_a_worker(scene, about, frame):
    host = scene.host("a", **EMBED)
    host.do("set", instance="a", values={"strength": 0.0})
    target = blank(frame)
    assert host.render("a", Picture(frame), target)["status"] == OK, host.said()
    expected = sdr_to_pq(np.ascontiguousarray(frame[..., :3].transpose(2, 0, 1))).transpose(1, 2, 0)
    np.testing.assert_array_equal(target.pixels[..., :3], expected)
    np.testing.assert_array_equal(target.pixels[..., 3], frame[..., 3])
    host.do("set", instance="a", values={"strength": 1.0})
    lit = blank(frame)
    assert host.render("a", Picture(frame), lit)["status"] == OK, host.said()
    assert np.abs(lit.pixels - target.pixels).max() > 1e-3
    values = host.do("change", instance="a", name="strength")["values"]
    assert values["engine_says"] == "tiny by PyTorch on cpu"
    assert values["frame_says"].startswith("frame 0, 52x37: ")
    loaded = host.do("change", instance="a", name="load_model")
    assert loaded["values"]["engine_says"].startswith(f"tiny by PyTorch on cpu, process {host.pid}, ")
    assert not (scene.root / f"lumaflux-{os.geteuid()}").exists()
    # an error is a sentence here too, and several threads take turns
    host.do("set", instance="a", values={"tone_track": "/no/such.track.json"})
    assert host.render("a", Picture(frame), blank(frame))["status"] == FAILED
    assert "/no/such.track.json cannot be read" in host.said()[-1]
    host.do("set", instance="a", values={"strength": 0.0, "tone_track": ""})
    begun = [host.begin_render("a", Picture(frame), blank(frame), time=number) for number in range(4)]
    for one in begun:
        assert host.end_render(one)["status"] == OK
        np.testing.assert_array_equal(one[2].pixels[..., :3], expected)


def test_an_abort_is_heard_between_steps(scene, about):
    pixels = np.random.default_rng(0).random((256, 256, 4), dtype=np.float32)
    host = scene.host("a", **EMBED)
    host.render("a", Picture(pixels), blank(pixels))  # loads the model
    host.do("set", instance="a", values={"steps": 100, "seed": 1})
    target = blank(pixels)
    before = bytes(target.memory)
    answer = host.render("a", Picture(pixels), target, abort_after=5)
    assert (answer["status"], answer["polls"]) == (OK, 6)  # not one more of the 100 steps
    assert target.untouched(before)


def test_analyse_makes_the_worker_s_tracks(scene, about, connected, written, clip, convert):
    """Of the host's frames and of a file; an abort, and a file of another clip, change nothing."""
    host = connected(clip[2:], **EMBED)
    answer = host.do("change", instance="a", name="analyse")
    assert answer["status"] == OK, host.said()
    assert answer["values"]["track_start"] == 11
    track = read_track(scene.root / "state/lumaflux/tracks" / answer["values"]["tone_track"].rpartition("/")[2])
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 1), (2, 5)]
    planes = np.ascontiguousarray(clip[5].transpose(2, 0, 1))
    direct = lumaflux.load("tiny", device="cpu").render(planes, Settings(), track.tone_at(3)).transpose(1, 2, 0)
    assert np.abs(convert(host, clip[5], time=14) - direct).max() * 65535 <= 1
    assert "with the tone track" in host.do("change", instance="a", name="strength")["values"]["frame_says"]
    # the same frames in their file, of which the host shows the third to the last
    source = written(scene.root / "clip.mkv", clip)
    host.do("set", instance="a", values={"source_file": str(source), "tone_track": ""})
    stopped = host.do("change", instance="a", name="analyse", abort_after=0)
    assert (stopped["status"], stopped["values"]["tone_track"]) == (OK, "")
    values = host.do("change", instance="a", name="analyse")["values"]
    assert (values["track_start"], values["tone_track"]) == (9, f"{source}.track.json")
    assert values["track_says"] == "8 frames; the host's frame 11 is frame 2 of them"
    other = written(scene.root / "other.mkv", [frame[::-1, ::-1] for frame in clip])
    host.do("set", instance="a", values={"source_file": str(other)})
    assert host.do("change", instance="a", name="analyse")["status"] == FAILED
    assert "shows no frame of other.mkv" in host.said()[-1]
    assert scene.pids() == []


def test_another_python_in_the_process_is_refused(scene, about, frame):
    source = scene.root / "other.c"
    source.write_text('const char* Py_GetVersion(void) { return "3.9.1 (main)"; }\n')
    other = scene.root / "libpython3.9.so.1.0"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(other), str(source)], check=True)
    refused(scene, frame, f"it has Python 3.9.1, the engine {about['python_version']}", LD_PRELOAD=str(other))


def test_the_very_same_python_in_the_process_is_taken(scene, about, frame):
    host = scene.host("a", **EMBED, LD_PRELOAD=about["library"])
    host.do("set", instance="a", values={"strength": 0.0})
    assert host.render("a", Picture(frame), blank(frame))["status"] == OK, host.said()
    assert scene.pids() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"library": ""}, "no shared library"),
        ({"library": "/no/libpython.so"}, "/no/libpython.so"),
        ({"python_version": "3.11.99"}, "changed since"),
        ({"packages": "/nonexistent"}, "cannot run inside this host"),
    ],
)
def test_an_installation_that_does_not_fit_is_refused(scene, about, frame, changed, said):
    scene.about(**{**about, **changed})
    refused(scene, frame, said)


def test_libraries_beside_the_engine_s_are_its_own(tmp_path):
    check(str(Path(np.__file__).parents[1]))
    with pytest.raises(UserError, match="the host has loaded its own numpy"):
        check(str(tmp_path))
    (tmp_path / "more.pth").write_text(f"# where\nimport sys\n\n{Path(np.__file__).parents[1]}\n/nowhere\n")
    check(str(tmp_path))


def test_a_bundle_without_the_bridge_is_refused(scene, about, frame):
    (scene.bundle / "Contents" / "Linux-x86-64" / "LumaFluxBridge.so").unlink()
    refused(scene, frame, "LumaFluxBridge.so")


def test_without_the_wish_the_worker_renders(scene, about, frame):
    scene.engine()
    facts = json.loads((scene.resources / "engine.json").read_text())
    scene.about(**{**about, **facts})
    host = scene.host("a", LUMAFLUX_EMBED="0")
    assert host.render("a", Picture(frame), blank(frame))["status"] == OK, host.said()
    assert len(scene.pids()) == 1
