"""The Analyse button: frames of the host, a file, an abort, and hosts without what it would like to have."""

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import FAILED, OK

import lumaflux
from lumaflux.inference.tone_track import read_track
from lumaflux.settings import Settings

FIRST = 11  # of the host's frames, see conftest


@pytest.mark.parametrize("faults", [{}, {"missing_suites": ["OfxProgressSuite"]}])
def test_the_host_s_frames_become_a_track_that_renders(scene, connected, clip, convert, faults):
    host = connected(clip, faults=faults)
    answer = host.do("change", instance="a", name="analyse")
    assert answer["status"] == OK, host.said()
    assert (answer["progress"] >= 0) == (not faults)  # -1: nothing was told
    assert answer["values"]["track_start"] == FIRST
    track = read_track(scene.root / "state/lumaflux/tracks" / answer["values"]["tone_track"].rpartition("/")[2])
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 3), (4, 7)]
    planes = np.ascontiguousarray(clip[5].transpose(2, 0, 1))
    direct = lumaflux.load("tiny", device="cpu").render(planes, Settings(), track.tone_at(5)).transpose(1, 2, 0)
    assert np.abs(convert(host, clip[5], time=FIRST + 5) - direct).max() * 65535 <= 1


def test_a_node_copied_to_another_clip_says_so(scene, connected, clip, convert):
    host = connected(clip)
    host.do("create", instance="copy")
    host.do("set", instance="copy", values={"model": 1})
    values = host.do("change", instance="a", name="analyse")["values"]
    host.do("set", instance="copy", values={name: values[name] for name in ("tone_track", "track_start")})
    other = np.ascontiguousarray(clip[1][::-1])
    assert convert(host, clip[1], "copy", time=FIRST + 1).shape == other.shape
    answer = host.render("copy", Picture(other), blank(other), time=FIRST + 1)
    assert answer["status"] == FAILED
    assert "was made of another clip than this: at frame 12" in host.said()[-1]


def test_an_abort_and_a_missing_file_leave_the_parameters(scene, connected, clip):
    host = connected(clip)
    stopped = host.do("change", instance="a", name="analyse", abort_after=0)
    assert (stopped["status"], stopped["values"]["tone_track"]) == (OK, "")
    host.do("set", instance="a", values={"source_file": "/no/such/clip.mp4"})
    failed = host.do("change", instance="a", name="analyse")
    assert (failed["status"], failed["values"]["tone_track"]) == (FAILED, "")
    assert "clip.mp4" in host.said()[-1]


def test_a_trimmed_clip_is_found_in_its_file(scene, connected, written, clip):
    """The host shows frames 2 to 7 of the file, from its own frame 11 on."""
    source = written(scene.root / "clip.mkv", clip)
    host = connected(clip[2:])
    host.do("set", instance="a", values={"source_file": str(source)})
    answer = host.do("change", instance="a", name="analyse")
    assert answer["status"] == OK, host.said()
    assert answer["values"]["track_start"] == FIRST - 2
    assert answer["values"]["track_says"] == "8 frames; the host's frame 11 is frame 2 of them"
    assert answer["values"]["analyses"] == 1
    assert host.do("change", instance="a", name="analyse")["values"]["analyses"] == 2


def test_another_file_changes_nothing(scene, connected, written, clip):
    source = written(scene.root / "other.mkv", [frame[::-1, ::-1] for frame in clip])
    host = connected(clip)
    host.do("set", instance="a", values={"source_file": str(source)})
    answer = host.do("change", instance="a", name="analyse")
    assert (answer["status"], answer["values"]["tone_track"], answer["values"]["track_start"]) == (FAILED, "", 0)
    assert "shows no frame of other.mkv" in host.said()[-1]
    assert not (scene.root / "other.mkv.track.json").exists()


def test_a_model_is_kept_by_name(scene, connected, clip):
    """A project that names a model which is missing here says so, and never renders with another."""
    host = connected(clip)
    host.do("change", instance="a", name="model")
    host.do("set", instance="a", values={"model_name": "/gone/studio-model"})
    answer = host.do("change", instance="a", name="analyse")
    assert answer["status"] == FAILED
    assert "the model /gone/studio-model, which is not installed here" in host.said()[-1]
