"""The job for OpenCue: its layers and their dependency, commands that run, chunks told by their first frame."""

import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from footage import pictures

from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.opencue import write_job
from lumaflux.farm.submit import make_bundle
from lumaflux.options import EncodeOptions

COMMAND = str(Path(sys.executable).with_name("lumaflux"))


@pytest.fixture
def job(media, tmp_path):
    def make(target, **changes):
        order = JobSpec(source=media / "clip.mp4", model="tiny", device="cpu", **changes)
        made = make_bundle(order, tmp_path / target, chunk=3, command=COMMAND, video=EncodeOptions())
        return ElementTree.fromstring(write_job(made, tmp_path / "a cue", show="show", shot="shot").read_text())

    return make


def test_layers_and_their_dependency(job):
    spec = job("out.mp4", frames="1-9x2,20")
    frames, encode = spec.findall("job/layers/layer")
    assert (frames.get("name"), frames.findtext("range"), frames.findtext("chunk")) == ("frames", "1-9x2,20", "3")
    assert encode.findtext("cmd").split()[1:3] == ["farm", "encode"]
    depend = spec.find("depends/depend")
    assert (depend.get("type"), depend.findtext("deplayer"), depend.findtext("onlayer")) == (
        "LAYER_ON_LAYER",
        "encode",
        "frames",
    )
    assert spec.find("job").get("name") == depend.findtext("depjob") == depend.findtext("onjob")


def test_no_encode_without_a_file(job):
    spec = job("out")
    assert len(spec.findall("job/layers/layer")) == 1
    assert len(spec.find("depends")) == 0


def test_a_chunk_of_a_set_with_holes(job, tmp_path, undisturbed):
    command = job("out", frames="1-9x2,20").findtext("job/layers/layer/cmd")
    words = shlex.split(command.replace("#FRAME_START#", "7"))
    assert words[0] == COMMAND
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = ["frame.0000007.png", "frame.0000009.png", "frame.0000020.png"]
    assert pictures(tmp_path / "out") == {name: undisturbed[name] for name in names}
