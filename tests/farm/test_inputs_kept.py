"""Neither the frames of a job nor its video, matte or metadata take the place of what they are made of."""

import shutil

import pytest
from footage import write_picture

from lumaflux.errors import UserError
from lumaflux.farm.encode import EncodeRequest, encode_job
from lumaflux.farm.job import JobFolder
from lumaflux.farm.submit import make_bundle
from lumaflux.options import EncodeOptions


@pytest.fixture
def folder(media, tmp_path):
    shutil.copy(media / "clip.mp4", tmp_path / "clip.mp4")
    (tmp_path / "out").mkdir()
    for number in range(3):
        write_picture(tmp_path / "out" / f"frame.{number:07d}.png", 90)
    (tmp_path / "track.json").write_bytes(b"{}")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "asked", "video", "message"),
    [
        ("clip.mp4", "clip.mp4", {}, {}, r"the job's video .*clip.mp4 is the input itself"),
        ("out/frame.%07d.png", "out", {}, {}, r"the job's frames .* is the input itself"),
        ("out/frame.#######.png", "out", {}, {}, r"the job's frames .* is the input itself"),
        ("clip.mp4", "out", {"mask": "out/frame.%07d.png"}, {}, r"the job's frames .* is --mask itself"),
        ("clip.mp4", "out", {"match": "out/frame.0000001.png"}, {}, r"the job's frames .* is --match itself"),
        ("clip.mp4", "a.mp4", {"mask": "clip.mp4", "matte": "clip.mp4"}, {}, r"--matte .* is the input itself"),
        ("clip.mp4", "a.mp4", {"track": "track.json"}, {"hdr10plus": "track.json"}, r"--hdr10plus .* is --track"),
        ("clip.mp4", "a.mp4", {}, {"hdr10plus": "a.mp4"}, r"--hdr10plus and the job's video are both"),
    ],
)
def test_a_job_is_refused_before_anything_is_made(order, folder, source, target, asked, video, message):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    spec = order(folder / source, **{name: folder / path for name, path in asked.items()})
    made = EncodeOptions(**{name: folder / path for name, path in video.items()})
    with pytest.raises(UserError, match=message):
        make_bundle(spec, folder / target, chunk=2, command="lumaflux", video=made)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_frames_are_not_rendered_over_their_source_or_mask(render, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for source, asked in ((folder / "out/frame.%07d.png", {}), ("clip.mp4", {"mask": folder / "out/frame.%07d.png"})):
        with pytest.raises(UserError, match=r"the job's frames .* itself"):
            render(folder / "out", source=source, track="none", **asked)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_video_is_not_encoded_over_its_source_or_the_metadata_it_states(render, folder):
    render(folder / "job", source=folder / "clip.mp4", of="0-1", track="none")
    stated = folder / "stated.json"
    stated.write_text('{"max_cll": 800, "max_fall": 120}')
    kept = (folder / "clip.mp4").read_bytes(), stated.read_bytes()
    for target, asked, message in (
        ("clip.mp4", {}, "clip.mp4 is the input itself"),
        ("a.mp4", {"hdr10plus": folder / "clip.mp4"}, "--hdr10plus .* is the input itself"),
        ("a.mp4", {"hdr10plus": stated, "hdr_metadata": str(stated)}, "--hdr10plus .* is --hdr-metadata itself"),
    ):
        with pytest.raises(UserError, match=message):
            encode_job(JobFolder(folder / "job"), folder / target, EncodeRequest(overwrite=True, **asked))
    assert ((folder / "clip.mp4").read_bytes(), stated.read_bytes()) == kept
    assert not (folder / "a.mp4").exists()
