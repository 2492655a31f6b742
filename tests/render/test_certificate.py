"""``--certificate`` and `lumaflux verify`: what was rendered comes out again, and whatever was changed is told."""

import hashlib
import json
import shutil
import sys

import numpy as np
import pytest
import torch

from lumaflux.cli import main
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.digests import sha256
from lumaflux.errors import MismatchError, UserError
from lumaflux.inference.load import load
from lumaflux.media.standard_streams import STANDARD
from lumaflux.render import Job, convert
from lumaflux.render import verify as verifying
from lumaflux.render.certificate import read_certificate, text_of
from lumaflux.render.recorder import fingerprint
from lumaflux.render.verify import verify
from lumaflux.render.watch import Watch
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def tiny():
    return load("tiny", device="cpu")


@pytest.fixture(autouse=True)
def shares(placement, monkeypatch):
    """The placement's own: all is measured."""
    render = placement.render_timed

    def timed(frame, settings, hooks, **how):
        if hooks.on_matte is not None:
            hooks.on_matte(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
        return render(frame, settings, hooks, **how)

    monkeypatch.setattr(placement, "render_timed", timed)


@pytest.fixture
def certified(run, make_clip, tmp_path):
    """A clip of six frames, losslessly; its certificate."""
    run(make_clip(frames=6), tmp_path / "out.mkv", deliver="ffv1", certificate=tmp_path / "c.json")
    return tmp_path / "c.json"


@pytest.fixture
def again(placement):
    return lambda path, **how: verify(path, lambda job: placement, **how)


def edited(path, **values):
    """Another certificate whose own SHA-256 is right."""
    changed = read_certificate(path).model_copy(update=values)
    path.write_text(text_of(changed), "utf-8")


def test_fingerprints_of_pixels_and_codes_are_of_one_picture():
    hdr_pq = np.random.default_rng(2).uniform(0, 1, (3, 22, 35)).astype(np.float32)
    pixels, codes = fingerprint(hdr_pq), fingerprint(yuv420p10(hdr_pq))
    assert pixels["sha256"] == hashlib.sha256(b"<f4 (3, 22, 35) " + hdr_pq.tobytes()).hexdigest()
    luma = np.tensordot(BT2020_LUMA, hdr_pq.astype(np.float64), 1)
    assert pixels["grid"][5] == pytest.approx(luma[5:11, 8:17].mean(), abs=1e-6)
    assert pixels["grid"] == pytest.approx(codes["grid"], abs=2e-4)  # rounding to codes averages out
    assert len(fingerprint(hdr_pq[:, :2, :3])["grid"]) == 16


def test_a_clip_comes_out_again(certified, again):
    known = read_certificate(certified)
    assert [frame.number for frame in known.frames] == list(range(6))
    assert len({frame.sha256 for frame in known.frames}) == 6
    assert known.invention == {"measured": 1.0, "extended": 0.0, "invented": 0.0}
    assert [frame.number for frame in known.frames if frame.shares] == [0, 1, 2, 4]
    verdict = again(certified, frames=3, seed=4)
    assert (verdict.exact, verdict.largest, len(verdict.frames), verdict.of) == (True, 0.0, 3, 6)
    assert verdict.frames == again(certified, frames=3, seed=4).frames
    assert again(certified, frames=99).frames == list(range(6))


def test_the_model_renders_the_same_codes_again(make_clip, tmp_path, tiny):
    source, path = make_clip(frames=3), tmp_path / "c.json"
    job = Job(model="tiny", certificate=path, deliver="ffv1")
    convert(source, tmp_path / "out.mkv", lambda: tiny, Settings(steps=1), job)
    asked = []
    verdict = verify(path, lambda job: asked.append(job) or tiny, frames=1)
    assert verdict.exact
    assert asked[0].threads == read_certificate(path).threads
    assert read_certificate(path).settings["steps"] == 1


def test_a_picture_and_a_sequence_come_out_again(run, make_pictures, again, tmp_path):
    folder = make_pictures("a.%04d.png", [7, 8, 9])
    run(folder / "a.0008.png", tmp_path / "one.exr", certificate=tmp_path / "one.json")
    assert again(tmp_path / "one.json").frames == [0]
    run(folder / "a.%04d.png", tmp_path / "b.%03d.exr", certificate=tmp_path / "all.json", start_number=1)
    known = read_certificate(tmp_path / "all.json")
    assert list(known.source.sha256) == ["7", "8", "9"]
    assert list(known.output.sha256) == ["1", "2", "3"]
    assert again(tmp_path / "all.json", frames=2).exact
    (tmp_path / "b.002.exr").write_bytes((tmp_path / "b.001.exr").read_bytes())
    with pytest.raises(UserError, match=r"1 pictures of the output .* others than the certificate's: 2"):
        again(tmp_path / "all.json")


@pytest.mark.parametrize("name", ["clip.mp4", "out.mkv"])
def test_one_changed_byte_is_told(certified, again, name):
    path = certified.parent / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    kind = "source" if name == "clip.mp4" else "output"
    with pytest.raises(UserError, match=f"the {kind} .*{name} is another file than the certificate's, or was changed"):
        again(certified)


def test_an_edited_certificate_is_told(certified, again):
    text = certified.read_text()
    for before, after, said in (
        ('"strength": 1.0', '"strength": 0.9', "was edited"),
        ('"sha256": "', '"sha256": "0', "was edited"),
        ('"version": 1', '"version": 2', "version 2"),
        ("lumaflux-certificate", "lumaflux-sequence", "is no certificate"),
        ("{", "", "no JSON"),
    ):
        assert before in text
        certified.write_text(text.replace(before, after, 1))
        with pytest.raises(UserError, match=said):
            again(certified)


def test_pixels_of_another_frame_are_told(certified, again):
    frames = read_certificate(certified).frames
    swapped = frames[3].model_copy(update={"sha256": frames[2].sha256})
    edited(certified, frames=[*frames[:3], swapped, *frames[4:]])
    with pytest.raises(MismatchError, match=r"frame 3 of .* does not come out as the certificate says") as told:
        again(certified, frames=6)
    assert told.value.exit_code == 4
    assert again(certified, frames=1, seed=1).frames != [3]


@pytest.fixture
def encoded(run, make_clip, tmp_path):
    """A clip of six frames as HDR10; its certificate."""
    run(make_clip(frames=6), tmp_path / "out.mp4", certificate=tmp_path / "h.json", crf=12.0)
    return tmp_path / "h.json"


def replaced(certificate, video):
    """Another video under the output's name, and its digest in the certificate, whose own SHA-256 is right."""
    out = certificate.with_name("out.mp4")
    shutil.move(video, out)
    output = read_certificate(certificate).output
    edited(certificate, output=output.model_copy(update={"sha256": {"file": sha256(out)}}))


def test_what_the_file_shows_is_measured_and_compared(encoded, certified, again):
    kept = {frame.number: frame.kept for frame in read_certificate(encoded).frames if frame.kept is not None}
    assert list(kept) == [0, 1, 2, 4]
    assert 40 < min(kept.values()) <= max(kept.values()) < 70
    verdict = again(encoded, frames=6)
    assert verdict.shown > min(kept.values()) - 3
    assert f"the output shows them at {verdict.shown:.1f} dB or more" in verdict.sentence(encoded)
    lossless = [frame.kept for frame in read_certificate(certified).frames if frame.kept is not None]
    assert min(lossless) > 65  # rounding to ten bits


@pytest.mark.parametrize("what", ["coarser", "another picture"])
def test_a_video_that_shows_something_else_is_told_although_its_digest_is_right(
    encoded, run, make_clip, again, tmp_path, what
):
    if what == "coarser":
        run(tmp_path / "clip.mp4", tmp_path / "again.mp4", crf=40.0)
    else:
        run(make_clip("other.mp4", frames=7), tmp_path / "again.mp4", crf=12.0, frames="1-6")
    replaced(encoded, tmp_path / "again.mp4")
    with pytest.raises(MismatchError, match=r"frame \d of .*clip.mp4 is not what the file shows: [\d.]+ dB, where"):
        again(encoded, frames=3)


def test_a_video_cut_short_is_told_although_its_digest_is_right(encoded, run, again, tmp_path):
    run(tmp_path / "clip.mp4", tmp_path / "again.mp4", crf=12.0, limit=2)
    replaced(encoded, tmp_path / "again.mp4")
    with pytest.raises(UserError, match="has no frame 2, which it was written with"):
        again(encoded, frames=6)


def test_on_another_machine_the_grid_decides(certified, again):
    known = read_certificate(certified)
    edited(certified, platform={**known.platform, "processor": "ABACUS"})
    verdict = again(certified, frames=2)
    assert not verdict.exact
    assert "instead of ABACUS" in verdict.sentence(certified)
    grid = [known.frames[1].grid[0] + 3 * verifying.TOLERANCE, *known.frames[1].grid[1:]]
    far = known.frames[1].model_copy(update={"grid": grid})
    edited(certified, platform={"engine": "0.0.1"}, frames=[known.frames[0], far, *known.frames[2:]])
    with pytest.raises(MismatchError, match=r"frame 1 .* up to 0.0006\d* off, .* \(rendered with engine"):
        again(certified, frames=6)


def test_other_weights_and_options_are_told(certified, again):
    edited(certified, options={"dither": "blue"}, model="lite:0123456789abcdef:default:auto")
    with pytest.raises(UserError, match=r"does not know what .* was made with"):
        again(certified)
    edited(certified, options={})
    with pytest.raises(UserError, match="the certificate's are lite:0123456789abcdef"):
        again(certified)


def test_files_may_have_moved(certified, again, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "clip.mp4", tmp_path / "elsewhere/a.mp4")
    with pytest.raises(UserError, match=r"the source .*clip.mp4 is not there; say where it is by --source"):
        again(certified)
    assert again(certified, source=tmp_path / "elsewhere/a.mp4", output=tmp_path / "out.mkv").exact


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"also": ("sdr=proxy.mp4",)}, "leave --also out"),
        ({"preview": 2}, "a preview has no certificate"),
        ({"overwrite": False}, "c.json exists already"),
    ],
)
def test_what_has_no_certificate_is_refused_before_any_work(run, make_clip, placement, tmp_path, how, said):
    if "overwrite" in how:
        (tmp_path / "c.json").write_text("{}")
    with pytest.raises(UserError, match=said):
        run(make_clip(), tmp_path / "out.mkv", deliver="ffv1", certificate=tmp_path / "c.json", **how)
    assert placement.loads == 0
    assert not (tmp_path / "out.mkv").exists()


def test_a_run_that_goes_on_is_refused(run, make_pictures, tmp_path):
    source, target = make_pictures("a.%04d.png", [1, 2]) / "a.%04d.png", tmp_path / "b.%04d.exr"
    run(source, target)
    with pytest.raises(UserError, match="a certificate is of one whole run"):
        run(source, target, certificate=tmp_path / "c.json")
    run(source, target, certificate=tmp_path / "c.json", overwrite=True)
    assert len(json.loads((tmp_path / "c.json").read_text())["frames"]) == 2


def test_the_command_says_what_it_proved(make_pictures, tmp_path, monkeypatch, capsys):
    source = make_pictures("a.%d.png", [1]) / "a.1.png"
    words = (str(source), str(tmp_path / "o.png"), "--certificate", str(tmp_path / "c.json"))
    for line in (["convert", *words, "--model", "tiny", "--strength", "0"], ["verify", words[3], "--seed", "3"]):
        monkeypatch.setattr(sys, "argv", ["lumaflux", *line])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
    assert "1 of 1 frames (0; --seed 3) came out bit for bit" in capsys.readouterr().out


def test_several_outputs_and_streams_are_refused(run, make_pictures, tmp_path, placement):
    folder, job = make_pictures("a.%d.png", [1, 2]), Job(certificate=tmp_path / "c.json")
    for sources, target in (([folder / "a.1.png", folder / "a.2.png"], tmp_path / "out"), (folder, tmp_path / "out")):
        with pytest.raises(UserError, match="convert each source alone, or leave --certificate out"):
            run(sources, target, certificate=job.certificate)
    with pytest.raises(UserError, match="a certificate is of files that stay"):
        run(folder / "a.%d.png", STANDARD, certificate=job.certificate)
    with pytest.raises(UserError, match="leave --certificate out of a watch"):
        Watch(folder, tmp_path / "out", Settings(), job, placement.load)
    assert placement.loads == 0
