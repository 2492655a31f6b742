"""`lumaflux farm status` and `verify` find what is missing, failed, damaged and foreign."""

import json
import os
import subprocess
import sys
from statistics import median

import pytest

from lumaflux.errors import UserError
from lumaflux.farm.check import status_lines, status_of, verdict_lines, verify_job
from lumaflux.farm.job import JobFolder


def test_status(render, tmp_path):
    render(tmp_path, "0-9")
    job = JobFolder(tmp_path)
    job.write_failure(12, "cannot be rendered")
    job.picture(4).unlink()
    status = status_of(job)
    assert (len(status.done), status.missing, status.failed) == (
        9,
        [4, 10, 11, *range(13, 24)],
        {12: "cannot be rendered"},
    )
    taken = [record.seconds for number in status.done if (record := job.record(number))]
    assert status.seconds_left == pytest.approx(15 * median(taken))
    assert 0 < status.max_nits <= 10000
    assert status_lines(status)[:3] == [
        "9 of 24 frames done",
        "missing: 4,10-11,13-23",
        "failed: 12: cannot be rendered",
    ]


def test_verify(render, tmp_path):
    render(tmp_path, "0-11", of="0-11")
    job = JobFolder(tmp_path)
    assert verify_job(job).sound
    with job.picture(3).open("r+b") as file:
        file.seek(200)
        file.write(b"\0\0\0\0")
    os.truncate(job.picture(5), 50)
    job.picture(7).unlink()
    job.record_path(8).unlink()
    (tmp_path / "frame.0000099.png").write_bytes(b"")
    verdict = verify_job(job)
    assert verdict.faults == {3: "corrupt", 5: "corrupt", 7: "missing", 8: "unrecorded"}
    assert [path.name for path in verdict.strange] == ["frame.0000099.png"]
    assert verdict_lines(verdict)[-1] == "8 of 12 frames are sound"
    (tmp_path / "frame.0000099.png").unlink()
    assert render(tmp_path, of="0-11").rendered == [3, 5, 7, 8]
    assert verify_job(job).sound


def test_a_frame_whose_record_was_made_for_other_contents(render, tmp_path):
    """A picture that matches its record and still is none of the job's size."""
    from footage import write_picture

    from lumaflux.digests import file_digest
    from lumaflux.farm.job import Record

    render(tmp_path, "0-1", of="0-1")
    job = JobFolder(tmp_path)
    record = job.record(1)
    job.picture(1).write_bytes(b"no picture")
    digest, size = file_digest(job.picture(1)), job.picture(1).stat().st_size
    job.write_record(Record(**{**vars(record), "digest": digest, "size": size}))
    assert verify_job(job).faults == {1: "does not decode"}
    write_picture(job.picture(1), 50)
    os.rename(job.picture(1), tmp_path / "small.png")
    from PIL import Image

    Image.new("RGB", (8, 8)).save(job.picture(1))
    (tmp_path / "small.png").unlink()
    digest, size = file_digest(job.picture(1)), job.picture(1).stat().st_size
    job.write_record(Record(**{**vars(record), "digest": digest, "size": size}))
    assert verify_job(job).faults == {1: "is 8x8"}


@pytest.mark.parametrize(
    "change", [{"settings": {"sparkle": 1}}, {"settings": {"strength": 9.0}}, {"reading": {"x": True}}, {"frames": "a"}]
)
def test_a_manifest_of_another_version(render, tmp_path, change):
    render(tmp_path, "0")
    path = JobFolder(tmp_path).manifest_path
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match="is no manifest of this version"):
        verify_job(JobFolder(tmp_path))


def test_no_job(tmp_path):
    with pytest.raises(UserError, match="holds no job"):
        status_of(JobFolder(tmp_path))


def test_exit_codes(render, tmp_path):
    render(tmp_path, "0-1", of="0-1")
    command = [sys.executable, "-m", "lumaflux.cli", "farm"]
    assert subprocess.run([*command, "verify", tmp_path], capture_output=True).returncode == 0
    JobFolder(tmp_path).picture(1).unlink()
    done = subprocess.run([*command, "verify", tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (3, ["missing: 1", "1 of 2 frames are sound"])
    assert subprocess.run([*command, "verify", tmp_path / "none"], capture_output=True).returncode == 2
