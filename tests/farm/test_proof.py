"""`lumaflux farm verify --again --video`: frames come out again, and a video shows them."""

import shutil

import numpy as np
import pytest

from lumaflux.digests import file_digest, sha256
from lumaflux.errors import MismatchError, UserError
from lumaflux.farm.encode import EncodeRequest, encode_job, read_picture
from lumaflux.farm.encoded import Encoded, check_video, write_encoded
from lumaflux.farm.frames import open_renderer, render_frames
from lumaflux.farm.job import JobFolder, Record
from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.proof import prove, told
from lumaflux.options import FarmOptions

FRAMES = list(range(4))


@pytest.fixture(scope="module")
def rendered(media, converter, tmp_path_factory):
    """Four frames of clip.mp4 and a video of them."""
    job = JobFolder(tmp_path_factory.mktemp("job") / "frames")
    renderer = open_renderer(JobSpec(source=media / "clip.mp4", model="tiny", device="cpu", frames="0-3"), job)
    renderer.load_converter = lambda: converter
    render_frames(job, renderer, FRAMES)
    encode_job(job, job.folder.parent / "out.mp4", EncodeRequest(crf=12.0))
    return job


@pytest.fixture
def copied(rendered, tmp_path):
    """Of it, to be changed."""
    shutil.copytree(rendered.folder, tmp_path / "frames")
    shutil.copy(rendered.folder.parent / "out.mp4", tmp_path / "out.mp4")
    return JobFolder(tmp_path / "frames")


@pytest.fixture
def again(converter):
    return lambda job, **how: prove(job, FarmOptions(), load=lambda spec: lambda: converter, **how)


def changed(job, number, by):
    """A picture whose record was made for it."""
    from lumaflux.media.stills.picture import write_still

    picture = read_picture(job.picture(number))
    write_still(job.picture(number), (picture + by).clip(0, 1).astype(np.float32), overwrite=True)
    record = vars(job.record(number))
    facts = {"digest": file_digest(job.picture(number)), "size": job.picture(number).stat().st_size}
    job.write_record(Record(**{**record, **facts}))
    assert job.fault(number) is None


def test_frames_come_out_again(rendered, again):
    proof = again(rendered, frames=2, seed=3)
    assert (proof.exact, len(proof.frames), proof.of, proof.largest) == (True, 2, 4, 0.0)
    assert "2 of 4 frames" in proof.sentence()
    with pytest.raises(UserError, match="prove nothing"):
        again(rendered, frames=0)


def test_a_frame_that_was_made_otherwise_is_told(copied, again):
    changed(copied, 2, 0.0005)
    with pytest.raises(MismatchError, match=r"frame 2 in .* does not come out again: .* and no bit may differ"):
        again(copied, frames=4)


def test_on_another_platform_the_grid_decides(copied, again):
    path = copied.manifest_path
    known = copied.manifest()
    path.write_text(known.model_copy(update={"platform": {**known.platform, "torch": "1.0"}}).model_dump_json())
    changed(copied, 1, 0.0001)
    proof = again(copied, frames=4)
    assert not proof.exact
    assert 0.00002 < proof.largest < 0.0002
    assert "instead of 1.0" in proof.sentence()
    changed(copied, 1, 0.001)
    with pytest.raises(MismatchError, match=r"frame 1 .* where 0.0002 is allowed"):
        again(copied, frames=4)


def test_what_is_no_part_of_the_job_is_refused(copied, again, media, tmp_path):
    with pytest.raises(UserError, match="made of another file"):
        again(copied, source=media / "plates" / "plate.%04d.png")
    known = copied.manifest()
    copied.manifest_path.write_text(known.model_copy(update={"weights": "tiny:0:default"}).model_dump_json())
    with pytest.raises(UserError, match="its weights is tiny:0:default, not"):
        again(copied)
    (copied.hidden / "tone-track.json").unlink()
    with pytest.raises(UserError, match="name that by --track"):
        again(copied)


def test_a_video_shows_the_frames(rendered):
    video = rendered.folder.parent / "out.mp4"
    assert (check_video(rendered, video, FRAMES, read_picture) or 0) > 40
    said = told(rendered, FarmOptions(), source=None, frames=0, seed=1, video=video, progress=lambda *_: None)
    assert said[0].startswith("frames 0-3: ")
    assert said[0].endswith("dB or more")


def test_another_video_is_told(copied, tmp_path):
    video = tmp_path / "out.mp4"
    with pytest.raises(UserError, match=r"has encoded no video of the name none\.mp4"):
        check_video(copied, tmp_path / "none.mp4", FRAMES, read_picture)
    known = Encoded.model_validate_json((copied.hidden / "encoded/out.mp4.json").read_bytes())
    assert sorted(known.kept) == [0, 1, 2]
    encode_job(copied, tmp_path / "coarse.mp4", EncodeRequest(crf=45.0))
    shutil.move(tmp_path / "coarse.mp4", video)
    with pytest.raises(UserError, match="another file than the job encoded"):
        check_video(copied, video, FRAMES, read_picture)
    write_encoded(copied, Encoded(video="out.mp4", sha256=sha256(video), kept=known.kept))
    with pytest.raises(MismatchError, match=r"does not show frame 0 of the job: [\d.]+ dB, where its record asks for"):
        check_video(copied, video, FRAMES, read_picture)
