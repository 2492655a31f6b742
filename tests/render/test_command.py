"""The command line of `lumaflux convert` and `lumaflux info`."""

import json
import signal
import sys
from dataclasses import dataclass

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.cli import main
from lumaflux.media.stills.picture import read_still

QUICK = ("--model", "tiny", "--strength", "0")


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def lumaflux(tmp_path, monkeypatch, capfd):
    """Runs the command in this process, in the test's directory."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["lumaflux", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
        said = capfd.readouterr()
        return Done(code, said.out, said.err)

    yield call
    signal.signal(signal.SIGTERM, before)


def test_names_progress_and_report(lumaflux, make_clip, tmp_path):
    make_clip("in.mp4", frames=6, sound=True)
    words = ("-i", "in.mp4", "-o", "out.mov", "--deliver", "prores", "--progress", "json", "--report", "r.json")
    done = lumaflux("convert", *words, "--limit", 3, "--no-copy-audio", *QUICK)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert lines[-1] == {"frames": 3, "total": 3}
    report = json.loads((tmp_path / "r.json").read_text())
    (entry,) = report["conversions"]
    assert (entry["frames"], entry["delivery"], entry["target"]) == (3, "prores", "out.mov")
    assert 0 < entry["max_fall"] <= entry["max_cll"] <= 204
    assert set(entry["percentiles"]) == {"50.0", "90.0", "99.0", "99.9"}
    assert entry["shots"][0]["first"] == 0
    assert report["settings"]["strength"] == 0
    assert report["model"].startswith("tiny:")


def test_overwriting_and_exit_codes(lumaflux, make_clip, tmp_path):
    make_clip("in.mp4", frames=2)
    (tmp_path / "out.mp4").write_bytes(b"precious")
    for no in ((), ("-n",)):
        done = lumaflux("convert", "in.mp4", "out.mp4", *no, *QUICK)
        assert done.returncode == 2
        assert "exists already" in done.stderr
    assert lumaflux("convert", "in.mp4", "out.mp4", "-y", "--progress", "none", *QUICK).returncode == 0
    assert lumaflux("convert", "in.mp4", "in.mp4", "-y", *QUICK).returncode == 2
    assert lumaflux("convert", "in.mp4", "out2.mp4", "--ocio", "x", *QUICK).returncode == 2


def test_a_failed_frame_exits_with_3(lumaflux, make_pictures, tmp_path):
    make_pictures("s.%04d.png", [1, 2, 4])
    done = lumaflux("convert", "in/s.%04d.png", "out/h.%04d.exr", "--keep-going", "--progress", "plain", *QUICK)
    assert done.returncode == 3
    assert "lacks the frames 3" in done.stderr
    assert "s.%04d.png: 3 of 3 frames" in done.stderr
    assert len(list((tmp_path / "out").glob("*.exr"))) == 3


def test_devices_and_information(lumaflux, make_clip):
    done = lumaflux("convert", "--list-devices")
    assert done.returncode == 0
    assert "cpu" in done.stdout
    make_clip("in.mp4", frames=4)
    assert lumaflux("convert", "in.mp4", "hdr.mp4", *QUICK).returncode == 0
    done = lumaflux("info", "hdr.mp4", "--measure")
    assert done.returncode == 0
    assert "MaxCLL" in done.stdout
    assert "99.9 %" in done.stdout
    done = lumaflux("info", "in.mp4", "--measure")
    assert done.returncode == 2
    assert "is not HDR" in done.stderr


def test_stated_metadata(lumaflux, make_clip, tmp_path):
    from lumaflux.media.metadata.info import probe

    make_clip("in.mp4", frames=2)
    display = {"primaries": "p3-d65", "max_nits": 4000, "min_nits": 0.005}
    (tmp_path / "m.json").write_text(json.dumps({"mastering_display": display, "max_cll": 800, "max_fall": 120}))
    assert lumaflux("convert", "in.mp4", "a.mp4", "--hdr-metadata", "m.json", *QUICK).returncode == 0
    assert lumaflux("convert", "in.mp4", "b.mkv", "--hdr-metadata", "a.mp4", *QUICK).returncode == 0
    for name in ("a.mp4", "b.mkv"):
        info = probe(tmp_path / name)
        assert (info.max_cll, info.max_fall) == (800, 120)
        assert (info.mastering_display.max_nits, info.mastering_display.min_nits) == (4000, 0.005)
        assert info.mastering_display.primaries.green == pytest.approx((0.265, 0.690), abs=1e-4)
    for text in ('{"max_cll": 5}', "{", '{"mastering_display": {"max_nits": -1}}', '{"x": 1}'):
        (tmp_path / "bad.json").write_text(text)
        done = lumaflux("convert", "in.mp4", "c.mp4", "--hdr-metadata", "bad.json", *QUICK)
        assert done.returncode == 2
        assert "bad.json" in done.stderr


def test_tiles_of_the_direct_path(lumaflux, tmp_path):
    ramp = np.linspace(0, 255, 3 * 180 * 320).reshape(180, 320, 3).astype(np.uint8)
    oiio.ImageBuf(ramp).write(str(tmp_path / "in.png"))
    direct = ("in.png", "--model", "tiny", "--detail", "0", "--steps", "1")
    for name, tile in (("whole", "none"), ("tiles", "128")):
        done = lumaflux("convert", *direct, "-o", f"{name}.png", "--tile", tile)
        assert done.returncode == 0, done.stderr
    whole, tiles = (read_still(tmp_path / f"{name}.png", allow_hdr=True).sdr for name in ("whole", "tiles"))
    assert whole.shape == tiles.shape == (3, 180, 320)
    assert 0 < np.abs(whole - tiles).mean() < 0.05
    for wrong, said in (("64", "128"), ("many", "auto")):
        done = lumaflux("convert", *direct, "-o", "no.png", "--tile", wrong)
        assert done.returncode == 2
        assert said in done.stderr
    assert not (tmp_path / "no.png").exists()
