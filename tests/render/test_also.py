"""Several outputs of one rendering, and the pictures that SDR screens can show."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq, srgb
from lumaflux.errors import FrameError, UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills.picture import read_still


def test_one_rendering_becomes_all_outputs(run, placement, make_clip, tmp_path):
    clip = make_clip(frames=4, sound=True)
    also = (f"sdr={tmp_path / 'proxy.mp4'}", f"exr={tmp_path / 'x' / 'f.%04d.exr'}")
    (report,) = run(clip, tmp_path / "hdr.mp4", also=also, encoder_preset="ultrafast")
    assert (placement.frames, report.frames) == (4, 4)
    assert list(report.also.values()) == ["sdr", "exr"]
    assert len(list((tmp_path / "x").glob("*.exr"))) == 4
    hdr, sdr = probe(tmp_path / "hdr.mp4"), probe(tmp_path / "proxy.mp4")
    assert (hdr.transfer.value, hdr.primaries.value) == ("pq", "bt2020")
    assert (sdr.transfer.value, sdr.primaries.value, sdr.matrix.value, sdr.bit_depth) == ("bt709", "bt709", "bt709", 8)
    assert (sdr.codec, sdr.range.value, sdr.is_hdr, len(sdr.audio)) == ("h264", "limited", False, 1)
    assert hdr.duration == pytest.approx(sdr.duration, abs=0.001)


def test_the_proxy_shows_the_light_that_both_hold(run, tmp_path):
    """A flat grey of 60 cd/m2 lies below the shoulder: the proxy holds its code, to a code."""
    level = (60 / 203) ** (1 / 2.4)
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        code = round(16 + 219 * level)
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane, value in zip(frame.planes, (code, 128, 128), strict=True):
            np.frombuffer(plane, np.uint8)[:] = value
        for number in range(3):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    run(tmp_path / "in.mp4", tmp_path / "hdr.mkv", also=(f"sdr={tmp_path / 'proxy.mkv'}",))
    hdr, sdr = (DisplayLight(tmp_path / name).frame().nits for name in ("hdr.mkv", "proxy.mkv"))
    assert hdr.mean() == pytest.approx(60, rel=0.02)
    assert sdr.mean() == pytest.approx(60, rel=0.02)
    with av.open(str(tmp_path / "proxy.mkv")) as container:
        shown = next(container.decode(video=0)).to_ndarray()
    assert abs(int(np.median(shown[:48])) - code) <= 1


def test_a_frame_that_is_missing_in_one_output_is_rendered_again(run, placement, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [1, 2, 3])
    also = (f"sdr-png={tmp_path / 'sdr' / 's.%04d.png'}",)
    job = {"also": also}
    run(folder / "s.%04d.png", tmp_path / "out" / "h.%04d.exr", **job)
    assert placement.frames == 3
    run(folder / "s.%04d.png", tmp_path / "out" / "h.%04d.exr", **job)
    assert placement.frames == 3
    (tmp_path / "sdr" / "s.0002.png").unlink()
    (report,) = run(folder / "s.%04d.png", tmp_path / "out" / "h.%04d.exr", **job)
    assert (placement.frames, report.frames, report.skipped) == (4, 1, 2)
    assert len(list((tmp_path / "sdr").glob("*.png"))) == 3


def test_a_picture_has_others_beside_it(run, make_pictures, tmp_path):
    source = make_pictures("p%d.png", [90]) / "p90.png"
    (report,) = run(source, tmp_path / "h.png", also=(f"exr={tmp_path / 'h.exr'}", f"sdr-png={tmp_path / 's.png'}"))
    assert report.also == {str(tmp_path / "h.exr"): "exr", str(tmp_path / "s.png"): "sdr-png"}
    light = [DisplayLight(tmp_path / name).frame().nits for name in ("h.png", "h.exr")]
    np.testing.assert_allclose(light[0], light[1], rtol=3e-3, atol=0.02)
    back = read_still(tmp_path / "s.png")
    assert (back.transfer, back.info.transfer.source, back.info.bit_depth) == ("srgb", "tagged", 8)
    dark = back.bt1886[0, 10, 10]  # 42 cd/m2: below the shoulder, as the source had it
    assert dark == pytest.approx(read_still(source).bt1886[0, 10, 10], abs=0.005)


def test_avif_pictures(run, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [90], size=(96, 128))
    run(folder / "p90.png", tmp_path / "h.avif", also=(f"png={tmp_path / 'h.png'}",))
    light = [DisplayLight(tmp_path / name).frame().nits for name in ("h.avif", "h.png")]
    np.testing.assert_allclose(light[0][:, 20:, 20:], light[1][:, 20:, 20:], rtol=0.03)
    also = tuple(f"{name}={tmp_path / name}.{name[:4].rstrip('-')}" for name in ("heic", "heic-hlg", "jxl", "jxl-hlg"))
    run(folder / "p90.png", tmp_path / "again.png", also=also)
    for entry in also:
        nits = DisplayLight(Path(entry.partition("=")[2])).frame().nits
        assert np.abs(nits - light[1]).mean() < 0.02 * light[1].mean() + 0.2, entry
    with pytest.raises(UserError, match="avif is for photographs"):
        run(folder / "p%d.png", tmp_path / "s.%d.avif")


def test_a_preview_has_a_picture_for_sdr_screens(run, make_pictures, tmp_path):
    source = make_pictures("s.%04d.png", [90, 91]) / "s.%04d.png"
    (report,) = run(source, tmp_path / "look.png", preview=91)
    assert report.also == {str(tmp_path / "look.sdr.png"): "sdr-png"}
    nits = pq.eotf(read_still(tmp_path / "look.png", allow_hdr=True).sdr.astype(np.float64))
    shown = np.asarray(Image.open(tmp_path / "look.sdr.png"), np.float64)[..., 0] / 255
    assert nits[0, 12, 16] < 60
    assert srgb.eotf(shown)[12, 16] == pytest.approx(nits[0, 12, 16] / 203, rel=0.01)
    assert 0.4 < srgb.eotf(shown)[0, 0] < nits[0, 0, 0] / 203  # rolled off
    (tmp_path / "look.png").unlink()
    with pytest.raises(UserError, match=r"look\.sdr\.png exists already"):
        run(source, tmp_path / "look.png", preview=91)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("proxy.mp4", "write PROFILE=PATH"),
        ("sdr=", "write PROFILE=PATH"),
        ("vhs=a.mp4", "unknown delivery 'vhs'"),
        ("sdr=a.exr", "sdr is written as .mp4"),
        ("hlg=hdr.mp4", "asked for twice"),
    ],
)
def test_bad_entries_are_named_before_any_work(run, placement, make_clip, tmp_path, monkeypatch, entry, said):
    monkeypatch.chdir(tmp_path)
    clip = make_clip(frames=2)
    with pytest.raises(UserError, match=said):
        run(clip, Path("hdr.mp4"), also=(entry,))
    assert placement.loads == 0
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_directories_have_one_output(run, make_pictures, tmp_path):
    folder = make_pictures("p%d.png", [1])
    with pytest.raises(UserError, match="leave it out for a directory"):
        run(folder, tmp_path / "out", also=("sdr-png=x.png",))


def test_an_error_leaves_no_output(run, placement, make_clip, tmp_path, monkeypatch):
    clip = make_clip(frames=6)

    def fails(frame, settings, hooks, *, tone=None, light=None):
        placement.frames += 1
        if placement.frames == 3:
            raise UserError("this frame is refused")
        return np.full((3, 48, 64), 0.3, np.float32), {}

    monkeypatch.setattr(placement, "render_timed", fails)
    with pytest.raises(UserError, match="this frame is refused") as ended:
        run(clip, tmp_path / "hdr.mp4", also=(f"sdr={tmp_path / 'proxy.mp4'}",))
    assert not isinstance(ended.value, FrameError)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
