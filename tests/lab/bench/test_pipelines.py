"""Whole conversions in turns: what is measured of a process, and the tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lumaflux.lab.bench import conversion, pipelines, report
from lumaflux.lab.bench.pipelines import _timed, table


def test_a_process_is_measured_by_itself():
    taken = _timed([sys.executable, "-c", "import time; held = b'x' * (40 << 20); time.sleep(0.05)"])
    assert taken.seconds >= 0.05
    assert 0 < taken.cpu_seconds < 5
    if sys.platform != "win32":
        assert taken.peak_mb > 40


def test_modules_are_compiled_once_whatever_the_shell_says(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    _timed([sys.executable, "-c", "import sys; sys.exit(sys.dont_write_bytecode)"])  # which would raise


def test_a_command_that_fails_says_why():
    with pytest.raises(subprocess.CalledProcessError) as failed:
        _timed([sys.executable, "-c", "import sys; sys.exit('no such clip')"])
    assert b"no such clip" in failed.value.stderr


def test_tables_have_a_row_for_each_pipeline_and_stage():
    alone = {"fps": 5.0, "cpu_ms": 390.0, "peak_mb": 700.0, "rounds": 2}
    alone |= {"further_ms": 180.0, "further_cpu_ms": 350.0}
    own = {**alone, "fps": 4.5, "share": 0.9, "in_one_pass": 1.0, "stages_ms": {"decode": 9.0, "pixels": 61.0}}
    own |= {"further_ms": 200.0, "further_cpu_ms": 395.0, "further_share": 0.9}
    figures = {
        "first_frame_s_1080p": 2.4,
        "first_frame_cpu_s_1080p": 3.1,
        "1080p_idle": {"lumaflux": own, "alone": alone},
        "1080p_busy": {"lumaflux": {**own, "fps": 4.0, "share": 0.8}, "alone": alone, "zscale": alone},
    }
    lines = table(figures).splitlines()
    assert "| lumaflux | 4.50 (390; 700) | 4.00 (390; 700) |" in lines
    assert "| zscale |  | 5.00 (390; 700) |" in lines
    assert "| share of `alone` | 0.90 | 0.80 |" in lines
    assert "| the same without the first frame | 0.90 | 0.90 |" in lines
    assert "| lumaflux, ms (CPU ms) a further frame | 200 (395) | 200 (395) |" in lines
    assert "| pixels | 61 | 61 |" in lines
    assert "| frames in one pass | 100 % | 100 % |" in lines
    assert "| 1080p | 2.40 | 3.10 |" in lines


def test_what_a_further_frame_takes_comes_of_the_clip_and_of_one_frame(monkeypatch, tmp_path):
    """Of processes that take 3 s (LumaFlux) or 1 s at the start, and 0.2 or 0.1 s a frame; all cores, twice as much."""

    def timed(command):
        own = any("lumaflux" in word for word in command)
        frames = 1 if str(tmp_path / "one.mp4") in command else 11
        seconds = (3 if own else 1) + (0.2 if own else 0.1) * frames
        if own:
            made = {"seconds": seconds, "in_one_pass": frames, "stages": {"pixels": 0.5 * frames}}
            Path(command[command.index("--report") + 1]).write_text(json.dumps({"conversions": [made]}))
        return pipelines._Taken(seconds, 2 * seconds, 700.0)

    monkeypatch.setattr(pipelines, "_timed", timed)
    monkeypatch.setattr(pipelines.shutil, "which", lambda name: None)
    found = pipelines._in_turns(tmp_path / "in.mp4", tmp_path / "one.mp4", tmp_path, 11, 0.0)
    assert set(found) == {"lumaflux", "lumaflux-ultrafast", "alone"}
    assert found["lumaflux"]["further_ms"] == pytest.approx(200)
    assert found["lumaflux"]["further_cpu_ms"] == pytest.approx(400)
    assert found["alone"]["further_ms"] == pytest.approx(100)
    assert found["lumaflux"]["further_share"] == pytest.approx(0.5)


def test_a_long_clip_is_measured_beside_a_tenth_of_it(monkeypatch):
    asked = []

    def converted(source, frames, steps):
        asked.append((source.exists(), frames, steps))
        return {"seconds": 0.5 * frames, "frames": frames, "peak_mb": 400.0 + frames}

    monkeypatch.setattr(conversion, "conversion", converted)
    figures = report.run(lambda: report.long_clip(20))
    assert asked == [(True, 2, 1), (True, 20, 1)]
    assert (figures["ms_a_frame_2"], figures["ms_a_frame_20"], figures["peak_mb_20"]) == (500.0, 500.0, 420.0)
