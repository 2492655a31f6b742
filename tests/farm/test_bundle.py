"""Job bundles of the Open Job Description: valid, and run on this machine with the description's own libraries."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from footage import pictures
from PIL import Image

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.check import verify_job
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec, read_spec, spec_text
from lumaflux.farm.local_run import run_bundle, values_of
from lumaflux.farm.submit import make_bundle
from lumaflux.farm.template import check_template, template, write_bundle
from lumaflux.media.metadata.info import probe
from lumaflux.options import EncodeOptions
from lumaflux.settings import Settings

COMMAND = str(Path(sys.executable).with_name("lumaflux"))


@pytest.fixture
def bundle(media, tmp_path):
    def make(target, source="clip.mp4", chunk=8, **changes):
        order = JobSpec(**{"source": media / source, "model": "tiny", "device": "cpu", **changes})
        made = make_bundle(order, tmp_path / target, chunk=chunk, command=COMMAND, video=EncodeOptions())
        write_bundle(made, tmp_path / "bundle", overwrite=True)
        return tmp_path / "bundle"

    return make


def document(bundle):
    return yaml.safe_load((bundle / "template.yaml").read_text())


@pytest.mark.parametrize("suffix", ["m4v", "y4m"])
def test_a_job_makes_every_video_that_convert_makes(bundle, suffix):
    assert len(document(bundle(f"out.{suffix}"))["steps"]) == 2


@pytest.mark.parametrize("text", ["x", "[" * 3000, "name: x", "- 1", "null", "\0", "name: &a [*a]"])
def test_what_is_no_template(tmp_path, text):
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(UserError, match=r"template\.yaml is no job that can be run"):
        run_bundle(tmp_path)


def test_the_library_takes_it(bundle):
    from openjd.model import StepParameterSpaceIterator, create_job, preprocess_job_parameters

    folder = bundle("out.mp4")
    decoded = check_template(document(folder))
    values = preprocess_job_parameters(
        job_template=decoded, job_parameter_values=values_of(folder), job_template_dir=folder,
        current_working_dir=Path.cwd(),
    )  # fmt: skip
    job = create_job(job_template=decoded, job_parameter_values=values)
    frames, encode = job.steps
    chunks = StepParameterSpaceIterator(space=frames.parameterSpace, chunks_task_count_override=8)
    assert [task["Frame"].value for task in chunks] == ["0-7", "8-15", "16-23"]
    assert [dependency.dependsOn for dependency in encode.dependencies or ()] == ["Frames"]


def test_a_stepped_set_is_written_as_the_description_has_it(bundle):
    folder = bundle("out", frames="0-20x5")
    defaults = {p["name"]: p.get("default") for p in document(folder)["parameterDefinitions"]}
    assert defaults["FrameSet"] == "0-20:5"
    assert len(document(folder)["steps"]) == 1


def test_a_gpu_is_asked_for(media, tmp_path):
    order = JobSpec(source=media / "clip.mp4", model="tiny", device="cuda")
    made = make_bundle(order, tmp_path / "out", chunk=8, command="lumaflux", video=EncodeOptions())
    assert template(made)["steps"][0]["hostRequirements"] == {"amounts": [{"name": "amount.worker.gpu", "min": 1}]}


def test_orders_travel(tmp_path, media):
    order = JobSpec(source=media / "plates/plate.%04d.png", settings=Settings(seed=3), track="none", threads=2)
    (tmp_path / "job.json").write_text(spec_text(order))
    assert read_spec(tmp_path / "job.json", media / "plates") == order
    (tmp_path / "job.json").write_text('{"settings": {"sparkle": 1}}')
    with pytest.raises(UserError, match="no job of this version"):
        read_spec(tmp_path / "job.json", media / "plates")


@pytest.mark.parametrize(
    ("changes", "target", "words"),
    [
        ({"frames": "20-30"}, "out", "has no frames 24-30"),
        ({"frames": "many"}, "out", "names no frames"),
        ({"chunk": 0}, "out", "a chunk is 0 frames"),
        ({"source": "gone.mp4"}, "out", "does not exist"),
        ({"source": "plates/x.%04d.png"}, "out", "names no pictures"),
        ({}, "out.avi", "a job makes a directory of frames"),
        (
            {"source": "mixed/m.%04d.png"},
            "out",
            r"begins with 48x32, but frames 3-4 are 32x48; 6 are 16x16; make a job",
        ),
    ],
)
def test_what_is_no_job(bundle, media, changes, target, words):
    (media / "mixed").mkdir(exist_ok=True)
    for number, size in enumerate([(48, 32), (48, 32), (32, 48), (32, 48), (48, 32), (16, 16)], 1):
        Image.new("RGB", size).save(media / "mixed" / f"m.{number:04d}.png")
    (media / "mixed" / "m.0007.png").write_bytes(b"no picture")  # which its own task will name
    with pytest.raises(UserError, match=words):
        bundle(target, **changes)


def test_a_job_runs_here(bundle, tmp_path, undisturbed):
    """One engine for all tasks of a worker; the frames of one whole run; sound ends with the encoded file."""
    said = []
    report = run_bundle(bundle("out.mp4"), say=said.append)
    assert (report.tasks, report.retries, report.sessions) == (4, 0, 2)  # the second session encodes
    assert said.count("Loading the model") == 1
    assert pictures(tmp_path / "out.frames") == undisturbed
    assert verify_job(JobFolder(tmp_path / "out.frames")).sound
    assert probe(tmp_path / "out.mp4").frame_count == 24


@pytest.mark.slow
def test_poison_is_reported_once_and_nothing_is_encoded(bundle, media, tmp_path):
    plates = tmp_path / "plates"
    shutil.copytree(media / "plates", plates)
    (plates / "plate.1005.png").write_bytes(b"poison")
    folder = bundle("out.mov", source=plates / "plate.%04d.png", chunk=4)
    done = subprocess.run([COMMAND, "farm", "run", folder], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.count("1 frames failed: 1005:") == 1
    job = JobFolder(tmp_path / "out.frames")
    assert verify_job(job).faults == {1005: "missing"}
    assert list(job.failures()) == [1005]
    assert not (tmp_path / "out.mov").exists()


@pytest.mark.slow
def test_bad_input_ends_the_job_at_once(bundle, media, tmp_path):
    clip = tmp_path / "moved.mp4"
    shutil.copy(media / "clip.mp4", clip)
    folder = bundle("out", source=clip)
    clip.unlink()
    with pytest.raises(UserError, match=r"moved.mp4 does not exist") as raised:
        run_bundle(folder)
    assert not isinstance(raised.value, FrameError)


def test_two_runs_on_one_output(bundle, tmp_path):
    from lumaflux.farm.job import runner_lock

    folder = bundle("out")
    with runner_lock(tmp_path / "out"), pytest.raises(UserError, match="is being rendered already by process"):
        run_bundle(folder)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with runner_lock(tmp_path / "out"):
            entered.set()
            leave.wait(120)  # the command may take long to start on a busy machine

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    done = subprocess.run([COMMAND, "farm", "run", folder], capture_output=True, text=True)
    leave.set()
    thread.join()
    assert done.returncode == 2
    assert "is being rendered already by process" in done.stderr


@pytest.mark.parametrize("text", ["no: job", "[", "specificationVersion: jobtemplate-2023-09\nname: x\nsteps: []\n"])
def test_what_is_no_bundle(tmp_path, text):
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(UserError, match="no job that can be run"):
        run_bundle(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        run_bundle(tmp_path / "none")
