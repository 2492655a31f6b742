"""Clips through every delivery: pictures, sound, times, alpha, chosen frames."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.errors import UserError
from lumaflux.lab.bench.guided_display import guided_display
from lumaflux.media.metadata.hdr10plus import read_json
from lumaflux.media.metadata.info import probe
from lumaflux.media.video.numbered_frames import frame_times
from lumaflux.render import Job
from lumaflux.render.source import Source
from lumaflux.render.targets import open_target
from lumaflux.settings import Settings

TARGETS = {
    "hdr10": "out.mp4",
    "hdr10-av1": "out.mkv",
    "hlg": "out.mov",
    "prores": "out.mov",
    "prores-hq": "out.mkv",
    "prores-hlg": "out.mov",
    "ffv1": "out.mkv",
}


def stamps(path, kind="video"):
    with av.open(str(path)) as container:
        return sorted(float(p.pts * p.time_base) for p in container.demux(**{kind: 0}) if p.size)


@pytest.mark.parametrize("name", TARGETS)
def test_every_delivery_keeps_time_and_sound(run, make_clip, tmp_path, name):
    times = [0, 40, 90, 130, 400, 440]
    source = make_clip("in.mkv", frames=6, times=times, sound=True, size=(96, 64))
    target = tmp_path / TARGETS[name]
    (report,) = run(source, target, deliver=name)
    shift = stamps(target)[0]  # sound that starts before 0 moves both in Matroska
    np.testing.assert_allclose(np.array(stamps(target)) - shift, np.array(times) / 1000, atol=1.1e-3)
    np.testing.assert_allclose(
        np.array(stamps(target, "audio")) - shift, np.array(stamps(source, "audio")) - stamps(source)[0], atol=1.1e-3
    )
    info = probe(target)
    assert (info.width, info.height, info.primaries.value) == (96, 64, "bt2020")
    assert (report.delivery, report.frames, report.damaged) == (name, 6, 0)


def test_av1_refuses_what_it_cannot_encode(run, make_clip, tmp_path):
    with pytest.raises(UserError, match="too small for AV1"):
        run(make_clip(size=(48, 32)), tmp_path / "out.mkv", deliver="hdr10-av1")


def test_chosen_frames_of_a_clip_begin_at_0(run, make_clip, tmp_path):
    source = make_clip("in.mp4", frames=20, sound=True)
    (report,) = run(source, tmp_path / "out.mp4", frames="4-8x2")
    assert report.frames == 3
    np.testing.assert_allclose(stamps(tmp_path / "out.mp4"), [0, 0.08, 0.16], atol=1e-6)
    assert probe(tmp_path / "out.mp4").audio == ()
    assert any("not one stretch" in note for note in report.notes)
    with pytest.raises(UserError, match="none of the frames"):
        run(source, tmp_path / "none.mp4", frames="90-99")
    assert not (tmp_path / "none.mp4").exists()


def test_a_stretch_of_a_clip_keeps_its_sound(run, make_clip, tmp_path):
    """Frames 5 to 14 of 20: each sound packet comes out as much earlier as the pictures do."""
    source = make_clip("in.mkv", frames=20, sound=True)
    (report,) = run(source, tmp_path / "out.mkv", frames="5-14")
    assert (report.frames, report.notes) == (10, [])
    moved = stamps(source)[5] - stamps(tmp_path / "out.mkv")[0]
    found = np.array(stamps(tmp_path / "out.mkv", "audio"))
    wanted = np.array(stamps(source, "audio")) - moved
    length = 10 * 0.04
    np.testing.assert_allclose(found, wanted[(wanted >= -1e-3) & (wanted < length)], atol=2e-3)
    (report,) = run(source, tmp_path / "short.mkv", limit=5)
    assert 0.15 <= stamps(tmp_path / "short.mkv", "audio")[-1] < 0.23


def test_alpha_of_a_clip(run, tmp_path):
    path = tmp_path / "in.mov"
    alpha = np.tile(np.linspace(0, 1023, 64).astype(np.uint16), (48, 1))
    with av.open(str(path), "w") as container:
        video = container.add_stream("prores_ks", rate=25, options={"profile": "4444", "alpha_bits": "16"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuva444p10le"
        frame = av.VideoFrame(64, 48, "yuva444p10le")
        for plane, value in zip(frame.planes, (500, 512, 512, alpha), strict=True):
            np.frombuffer(plane, np.uint16).reshape(48, -1)[:, :64] = value
        container.mux(video.encode(frame))
        container.mux(video.encode())
    (report,) = run(path, tmp_path / "out.mov", deliver="prores")
    assert not [note for note in report.notes if "left out" in note]
    with av.open(str(tmp_path / "out.mov")) as container:
        frame = next(container.decode(video=0))
    plane = frame.planes[3]
    codes = np.frombuffer(plane, np.uint16).reshape(48, -1)[:, :64] / (2 ** frame.format.components[3].bits - 1)
    np.testing.assert_allclose(codes, alpha / 1023, atol=1.5 / 1023)
    (report,) = run(path, tmp_path / "out.mp4")
    assert "Alpha is left out: hdr10 holds none." in report.notes


def test_hlg_clips_what_is_brighter_and_says_so(run, make_clip, tmp_path):
    (report,) = run(make_clip(), tmp_path / "out.mp4", Settings(target_peak=2000), deliver="hlg")
    assert any("clipped" in note for note in report.notes)
    assert probe(tmp_path / "out.mp4").transfer.value == "hlg"


def test_a_target_that_nobody_can_write(run, make_clip):
    from pathlib import Path

    with pytest.raises(UserError, match="cannot be written"):
        run(make_clip(), Path("/proc/out.mp4"))


def test_stated_levels_below_the_measured_ones_are_named(run, make_clip, tmp_path):
    (tmp_path / "m.json").write_text('{"max_cll": 5, "max_fall": 2}')
    (report,) = run(make_clip(), tmp_path / "out.mp4", hdr_metadata=tmp_path / "m.json")
    assert probe(tmp_path / "out.mp4").max_cll == 5
    assert any("were measured" in note for note in report.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "states no HDR metadata"),
        ('{"max_cll": 5}', "states one of max_cll and max_fall"),
        ('{"max_cll": 5, "max_fall": 6}', "a max_fall of 6 above its max_cll of 5"),
        ('{"max_cll": 70000, "max_fall": 6}', "is no HDR metadata: max_cll"),
    ],
)
def test_metadata_that_an_encoder_cannot_take_is_named(run, make_clip, tmp_path, text, words):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(UserError, match=words):
        run(make_clip(frames=1), tmp_path / "out.mp4", hdr_metadata=tmp_path / "m.json")
    assert not (tmp_path / "out.mp4").exists()


def test_hdr10plus_by_an_encoder_that_does_not_write_it_is_named(run, make_clip, tmp_path):
    with pytest.raises(UserError, match=r"HDR10\+ is written by x265 alone, not by nvenc"):
        run(make_clip(frames=1), tmp_path / "out.mp4", encoder="nvenc", hdr10plus=tmp_path / "h.json")


def test_the_threads_end_with_the_work(run, make_clip, tmp_path, placement):
    import threading

    run(make_clip(frames=3), tmp_path / "a.mp4")

    def fail(frame, settings, hooks, *, tone=None, light=None):
        raise RuntimeError("out of luck")

    placement.render_timed = fail
    with pytest.raises(RuntimeError):
        run(tmp_path / "clip.mp4", tmp_path / "b.mp4")
    assert not [thread for thread in threading.enumerate() if thread.name in ("decoder", "encoder")]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "clip.mp4"]


def test_the_frame_rate_is_a_fraction():
    assert Job(fps="24000/1001").frame_rate == Fraction(24000, 1001)
    with pytest.raises(UserError, match="no frame rate"):
        Job(fps="fast")


def test_hdr10plus_is_written_for_every_frame_that_is_written(run, make_clip, tmp_path):
    source, beside = make_clip(frames=9), tmp_path / "light.json"
    (report,) = run(source, tmp_path / "out.mp4", frames="2-6", hdr10plus=beside)
    made = json.loads(beside.read_text())
    assert [entry["SequenceFrameIndex"] for entry in made["SceneInfo"]] == list(range(5))
    largest = max(max(entry["LuminanceParameters"]["MaxScl"]) for entry in made["SceneInfo"])
    assert report.max_cll - 1 <= largest / 10 <= report.max_cll
    for entry in made["SceneInfo"]:
        spread = entry["LuminanceParameters"]["LuminanceDistributions"]
        values = dict(zip(spread["DistributionIndex"], spread["DistributionValues"], strict=True))
        assert 0 <= values[10] <= 100
        assert values[1] <= values[50] <= values[99] <= values[5] <= max(entry["LuminanceParameters"]["MaxScl"])
    container: Any
    with av.open(str(tmp_path / "out.mp4")) as container:
        kinds = [{item.type.name for item in frame.side_data} for frame in container.decode(video=0)]
    assert len(kinds) == 5
    assert all("DYNAMIC_HDR_PLUS" in kind for kind in kinds)
    with pytest.raises(UserError, match="exists already"):
        run(source, tmp_path / "again.mp4", hdr10plus=beside)


def test_profile_b_leads_a_display_back_to_the_grade(run, placement, monkeypatch, tmp_path):
    """The light is that of the source raised up to 4 times; a display that follows the curve shows the source."""
    source, out, beside = tmp_path / "ramp.mkv", tmp_path / "out.mp4", tmp_path / "b.json"
    with av.open(str(source), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "bgr0"
        for number in range(5):
            ramp = np.linspace(0, 250, 96)[None, :, None] * np.linspace(0.2, 1, 64)[:, None, None]
            codes = np.rint(ramp * [1.0, 0.9, 0.8] + number).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(codes, format="rgb24")))
        container.mux(video.encode())

    def raised(frame, settings, hooks, **given):
        light = sdr_to_linear2020(frame.astype(np.float64))
        nits = 203 * light * (1 + 3 * light.max(axis=0) ** 2)
        return pq.inverse_eotf(nits).astype(np.float32), {}

    monkeypatch.setattr(placement, "render_timed", raised)
    (report,) = run(source, out, hdr10plus=beside, hdr10plus_profile="b", crf=4.0)
    scenes = read_json(beside)
    assert [(scene.frames, scene.light) for scene in scenes] == [(5, report.shots[0].dynamic)]
    assert scenes[0].light.mapping.target_nits == 203
    found = guided_display(source, out, beside, 2, tmp_path / "shown.png")
    assert found["curve"]["psnr"] > 48  # 52.8 measured; 26.3 of clipping, 28.4 of BT.2390
    assert found["curve"]["error_99_percent"] <= 2
    assert found["clip"]["psnr"] < 28
    assert found["bt2390"]["psnr"] < 30
    with Image.open(tmp_path / "shown.png") as picture:
        assert picture.size == (4 * 96, 64)
    run(source, tmp_path / "part.mp4", frames="1-3", hdr10plus=tmp_path / "part.json", hdr10plus_profile="b")
    with pytest.raises(UserError, match="one conversion"):
        guided_display(source, tmp_path / "part.mp4", tmp_path / "part.json")
    run(source, tmp_path / "a.mp4", hdr10plus=tmp_path / "a.json")
    with pytest.raises(UserError, match="no curves"):
        guided_display(source, tmp_path / "a.mp4", tmp_path / "a.json")
    with pytest.raises(UserError, match="without its file"):
        run(source, tmp_path / "again.mp4", hdr10plus_profile="b")


@pytest.mark.parametrize("name", ["out.mkv", "out.%04d.png"])
def test_hdr10plus_is_refused_where_it_has_no_place(run, make_clip, tmp_path, name):
    deliver = "ffv1" if name == "out.mkv" else None
    with pytest.raises(UserError, match=r"HDR10\+"):
        run(make_clip(), tmp_path / name, deliver=deliver, hdr10plus=tmp_path / "light.json")
    assert not (tmp_path / "light.json").exists()


def test_a_clip_that_states_no_rate_is_written_by_its_times(make_clip, tmp_path):
    source = Source(make_clip("in.mkv", frames=3, times=[0, 40, 500]))
    written = tmp_path / "out.mkv"
    target = open_target(source, written, replace(source.info, frame_rate=None), Settings(), Job())
    with target.sink as sink:
        for number, pts in enumerate((0, 40, 500)):
            sink.write(np.full((3, 48, 64), 0.4, np.float32), *target.stamp(number, pts, 40))
    assert frame_times(written).pts == [0, 40, 500]
