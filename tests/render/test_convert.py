"""`lumaflux convert` end to end with the tiny random model: clips, pictures, directories, bad input."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError, UserError
from lumaflux.inference.load import load
from lumaflux.inference.weights import weights_identity
from lumaflux.media.metadata.info import probe
from lumaflux.options import ModelOptions
from lumaflux.render import Job, convert
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, analyze
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def converter():
    return load("tiny", device="cpu")


@pytest.fixture
def run(converter):
    def call(source, target, settings=Settings(), **job):  # noqa: B008
        return convert(Path(source), Path(target), lambda: converter, settings, Job(**job))

    return call


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    write_clip(path)
    return path


def write_clip(path, frames=5, size=(48, 32), transfer=1):
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(24), options={"crf": "18"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.color_trc = transfer
        sound = container.add_stream("aac", rate=48000)
        for _ in range(frames):
            picture = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        samples = av.AudioFrame.from_ndarray(np.zeros((2, 9600), dtype=np.float32), format="fltp", layout="stereo")
        samples.sample_rate = 48000
        container.mux(sound.encode(samples))
        for stream in (video, sound):
            container.mux(stream.encode())


def write_picture(path, height, width, seed=0):
    import OpenImageIO as oiio

    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    oiio.ImageBuf(pixels).write(str(path))


def left_in(folder):
    return sorted(p.name for p in Path(folder).iterdir())


def test_a_clip_becomes_hdr10_with_its_time_and_sound(run, clip, tmp_path):
    (report,) = run(clip, tmp_path / "hdr.mp4")
    info = probe(tmp_path / "hdr.mp4")
    assert report.frames == 5
    assert (info.transfer.value, info.primaries.value, info.bit_depth) == ("pq", "bt2020", 10)
    assert (info.max_cll, info.max_fall) == (report.max_cll, report.max_fall)
    assert info.mastering_display.max_nits == 1000
    assert [sound.codec for sound in info.audio] == ["aac"]
    times = [[float(f.time) for f in av.open(str(p)).decode(video=0)] for p in (clip, tmp_path / "hdr.mp4")]
    np.testing.assert_allclose(times[0], times[1], atol=1e-6)
    stages = {"decode", "condition", "sample", "decode_latents", "tone_field", "encode"}
    assert stages <= set(report.stages)
    assert left_in(tmp_path) == ["clip.mp4", "hdr.mp4"]


def test_limit_and_no_sound(run, clip, tmp_path):
    (report,) = run(clip, tmp_path / "hdr.mov", limit=2, copy_audio=False)
    assert report.frames == 2
    assert probe(tmp_path / "hdr.mov").audio == ()


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (8, 8192)])
def test_pictures_of_any_size(run, tmp_path, size):
    write_picture(tmp_path / "in.png", *size)
    (report,) = run(tmp_path / "in.png", tmp_path / "out.png")
    info = probe(tmp_path / "out.png")
    assert (info.height, info.width, info.bit_depth, info.transfer.value) == (*size, 16, "pq")
    assert info.max_cll == report.max_cll


def test_a_directory_in_one_run(run, tmp_path, converter):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.png", "b.jpg", "c.tif"):
        write_picture(source / name, 20, 24)
    loads = []
    reports = convert(source, target, lambda: loads.append(1) or converter, Settings(), Job())
    assert left_in(target) == ["a.png", "b.png", "c.png"]
    assert len(reports) == 3
    assert len(loads) == 1


def test_one_bad_picture_does_not_stop_the_rest(run, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    write_picture(source / "good.png", 20, 24)
    (source / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(FrameError, match=r"1 of 2.*bad\.png"):
        run(source, tmp_path / "out")
    assert left_in(tmp_path / "out") == ["good.png"]


def test_srgb_and_bt1886_pictures_differ(run, tmp_path, converter):
    write_picture(tmp_path / "in.png", 16, 16)
    run(tmp_path / "in.png", tmp_path / "out.png", Settings(strength=0.0))
    import OpenImageIO as oiio

    from lumaflux.color import pq, srgb

    pixels = np.asarray(oiio.ImageBuf(str(tmp_path / "in.png")).get_pixels(oiio.FLOAT))
    written = np.asarray(oiio.ImageBuf(str(tmp_path / "out.png")).get_pixels(oiio.FLOAT))
    light = srgb.eotf(pixels.astype(np.float64)) * 203
    luminance = light @ [0.2126, 0.7152, 0.0722]
    placed = pq.eotf(written.astype(np.float64)) @ [0.2627, 0.6780, 0.0593]
    np.testing.assert_allclose(placed, luminance, rtol=2e-3, atol=0.01)


def bad_inputs(folder):
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "random.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "text.txt").write_text("not a film")
    write_clip(folder / "whole.mp4", frames=30)
    (folder / "truncated.mp4").write_bytes((folder / "whole.mp4").read_bytes()[:600])
    write_clip(folder / "pq.mp4", transfer=16)
    (folder / "nothing").mkdir()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.mp4", "does not exist"),
        ("empty.mp4", "empty"),
        ("random.mp4", "media|picture|video"),
        ("text.txt", "media|picture|video"),
        ("truncated.mp4", "truncated|damaged|media"),
        ("pq.mp4", "--force-sdr"),
        ("nothing", "no pictures"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(run, tmp_path, name, message):
    bad_inputs(tmp_path)
    before = left_in(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path / name, tmp_path / "out.mp4")
    assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == before


def test_force_sdr_reads_hdr(run, tmp_path):
    write_clip(tmp_path / "pq.mp4", transfer=16)
    assert run(tmp_path / "pq.mp4", tmp_path / "out.mp4", force_sdr=True)[0].frames == 5


def test_targets_that_must_not_be_written(run, clip, tmp_path):
    (tmp_path / "there.mp4").write_bytes(b"precious")
    with pytest.raises(UserError, match="exists already"):
        run(clip, tmp_path / "there.mp4")
    assert (tmp_path / "there.mp4").read_bytes() == b"precious"
    with pytest.raises(UserError, match="input itself"):
        run(clip, clip, overwrite=True)
    with pytest.raises(UserError, match="no directory"):
        run(clip, tmp_path / "nowhere" / "out.mp4")
    with pytest.raises(UserError, match=r"\.mp4"):
        run(clip, tmp_path / "out.gif")
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(UserError, match="cannot be written"):
            run(clip, tmp_path / "locked" / "out.mp4")


def test_a_failing_frame_leaves_nothing(clip, tmp_path):
    class Failing:
        others = ()  # one device

        def render_timed(self, frame, settings, hooks, *, tone, light):
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        convert(clip, tmp_path / "out.mp4", Failing, Settings(), Job(track="none"))
    assert left_in(tmp_path) == ["clip.mp4"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "Commands"),
        (["convert", "missing.mp4", "out.mp4"], 2, "does not exist"),
        (["convert", "only-one"], 2, "TARGET"),
        (["convert", "a", "b", "--strength", "7"], 2, "between 0 and 1"),
        (["nonsense"], 2, "nonsense"),
        (["info", "missing.mp4"], 2, "does not exist"),
        (["adapters", "missing", "x"], 2, "missing"),
    ],
)
def test_the_command_says_one_sentence_and_exits_as_documented(tmp_path, arguments, code, said):
    command = [sys.executable, "-m", "lumaflux.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_photograph_becomes_ultra_hdr(run, tmp_path):
    from PIL import Image

    from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image

    codes = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(codes).save(tmp_path / "in.jpg", quality=95)
    (report,) = run(tmp_path / "in.jpg", tmp_path / "out.jpg")
    written = (tmp_path / "out.jpg").read_bytes()
    assert report.delivery == "ultra-hdr"
    assert has_gain_map(written)
    assert primary_image(written) == (tmp_path / "in.jpg").read_bytes()
    (again,) = run(tmp_path / "out.jpg", tmp_path / "out.jxl", deliver="jxl-gain-map")
    assert probe(tmp_path / "out.jxl").dropped == ("gain map",)
    kept = "is left out: its SDR picture is converted; `lumaflux view` shows its own HDR, and `--match` takes its tone."
    assert any(note.endswith(kept) for note in again.notes)


def asked_of(converter, model=None):
    return ToneRequest(converter=converter, model=model or weights_identity(ModelOptions()), settings=Settings())


def test_a_tone_track_decides_the_pixels(clip, tmp_path, converter):
    from lumaflux.inference.tone_track import text_of

    track = analyze(Source(clip), asked_of(converter))
    (tmp_path / "track.json").write_text(text_of(track))
    convert(clip, tmp_path / "own.%04d.png", lambda: converter, Settings(), Job())
    convert(clip, tmp_path / "read.%04d.png", lambda: converter, Settings(), Job(track=str(tmp_path / "track.json")))
    part = Job(frames="1", track=str(tmp_path / "track.json"))
    convert(clip, tmp_path / "part.%04d.png", lambda: converter, Settings(), part)
    own, read = (sorted(tmp_path.glob(f"{name}.*.png")) for name in ("own", "read"))
    assert len(own) > 1
    assert [path.read_bytes() for path in own] == [path.read_bytes() for path in read]
    assert (tmp_path / "part.0001.png").read_bytes() == own[1].read_bytes()


def test_a_track_of_another_model_is_refused(clip, tmp_path, converter):
    from lumaflux.inference.tone_track import text_of

    track = analyze(Source(clip), asked_of(converter, model="another"))
    (tmp_path / "track.json").write_text(text_of(track))
    job = Job(track=str(tmp_path / "track.json"), model="tiny")
    with pytest.raises(UserError, match="made with the model another"):
        convert(clip, tmp_path / "out.mp4", lambda: converter, Settings(), job)


def test_rate_and_speed_of_the_encoder_are_the_user_s(clip, tmp_path, converter):
    sizes = {}
    for crf in (10, 45):
        job = Job(crf=crf, encoder_preset="ultrafast", track="none")
        convert(clip, tmp_path / f"{crf}.mp4", lambda: converter, Settings(), job)
        sizes[crf] = (tmp_path / f"{crf}.mp4").stat().st_size
    assert sizes[45] < sizes[10]
    with pytest.raises(UserError, match="go with a coded video"):
        convert(clip, tmp_path / "out.%04d.png", lambda: converter, Settings(), Job(crf=10, track="none"))
