import json
import os
import signal
import subprocess
import sys
import time

import pytest

from lumaflux.cli import app
from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.records import RESULTS, read_records
from lumaflux.lab.evaluation.sets.manifest import read_manifest

COMMAND = [sys.executable, "-m", "lumaflux.cli", "luma-eval"]


def lumaflux(*words):
    return app([str(word) for word in words], exit_on_error=False, print_error=False, result_action="return_value")


def test_a_run_by_command(tiny_set, tmp_path, capsys):
    words = ["run", tiny_set, tmp_path / "run", "--method", "none", "--method", "x=static-203", "--preset", "hdrtv1k"]
    part = ["--scenes", "meadow", "--crf", "18", "--frames-per-clip", "2", "--no-report"]
    lumaflux("luma-eval", *words, *part)
    said = capsys.readouterr().out
    assert "8 frames scored, 0 kept" in said
    assert {line.split()[0] for line in said.splitlines()[1:]} == {"method", "none", "x"}
    assert "HDR-VDP-3" in said
    assert {record.method for record in read_records(tmp_path / "run" / RESULTS)} == {"none", "x"}
    lumaflux("luma-eval", *words, *part)
    assert "0 frames scored, 8 kept" in capsys.readouterr().out


def test_the_report_of_a_run(tiny_set, tmp_path, capsys):
    words = ["run", tiny_set, tmp_path / "run", "--method", "none", "--method", "oracle", "--preset", "hdrtv1k"]
    lumaflux("luma-eval", *words, "--baseline", "none", "--frames-per-clip", "1", "--scenes", "meadow")
    made = {"report.json", "report.csv", "report.md", "report.html"}
    assert made <= set(os.listdir(tmp_path / "run"))
    assert "wrote" in capsys.readouterr().out
    (tmp_path / "run" / "report.md").unlink()
    lumaflux("luma-eval", "report", tmp_path / "run", "--set", tiny_set)
    assert made <= set(os.listdir(tmp_path / "run"))


def test_an_ablation_is_one_command(tiny_set, tmp_path, capsys):
    variants = ["--variant", "flux-lora=model:tiny:direct", "--variant", "pga=oracle"]
    part = ["--scenes", "meadow", "--scenes", "harbour", "--frames-per-clip", "1", "--preset", "hdrtv1k"]
    lumaflux("luma-eval", "ablation", tiny_set, tmp_path / "run", *variants, *part)
    assert "10 frames scored" in capsys.readouterr().out
    rows = json.loads((tmp_path / "run" / "ablation.json").read_text())["rows"]
    assert [(row["variant"], row["method"]) for row in rows] == [("flux-lora", "flux-lora"), ("pga", "pga")]
    assert rows[1]["to_previous"]["psnr"]["mean"] > 0
    assert "Flux + LoRA only" in (tmp_path / "run" / "ablation.md").read_text()
    with pytest.raises(UserError, match="no variant 'nope'"):
        lumaflux("luma-eval", "ablation", tiny_set, tmp_path / "run", "--variant", "nope=oracle")


def test_a_bad_frame_ends_in_exit_code_3_after_the_rest_is_scored(tiny_set, tmp_path):
    (tmp_path / "p" / "x").mkdir(parents=True)
    (tmp_path / "p" / "x" / "000000.png").write_bytes(b"1")
    words = ["run", tiny_set, tmp_path / "run", "--method", f"other={tmp_path / 'p'}", "--method", "none"]
    with pytest.raises(FrameError, match=r"13 frames were not scored: .* and 8 more, see .*results\.jsonl") as caught:
        lumaflux("luma-eval", *words, "--preset", "hdrtv1k", "--no-report")
    assert caught.value.exit_code == 3
    assert sum(not record.error for record in read_records(tmp_path / "run" / RESULTS)) == 13 + 4


def test_verify(own_set, capsys):
    lumaflux("luma-eval", "verify", own_set)
    assert f"{len(read_manifest(own_set).files)} files of 5 clips are sound" in capsys.readouterr().out
    (own_set / "meadow" / "hard-clip.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match=r"1 files .* meadow/hard-clip\.mp4"):
        lumaflux("luma-eval", "verify", own_set)


@pytest.mark.parametrize("root", ["nothing", "=x", "x="])
def test_a_root_has_a_name_and_a_folder(tmp_path, root):
    with pytest.raises(UserError, match=r"--root .* must be NAME=DIR"):
        lumaflux("luma-eval", "build", tmp_path / "s.yaml", tmp_path / "set", "--root", root)


def test_bad_usage_is_one_sentence_and_exit_code_2(tmp_path):
    done = subprocess.run([*COMMAND, "run", str(tmp_path), "out", "--method", "none"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("lumaflux: ")
    assert done.stderr.count("\n") == 1


def started(tiny_set, out, workers):
    """A long run of which some clips are done."""
    methods = [word for number in range(40) for word in ("--method", f"m{number}=oracle")]
    options = ["--workers", str(workers), "--no-report"]
    process = subprocess.Popen([*COMMAND, "run", str(tiny_set), str(out), *methods, *options], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (out / RESULTS).is_file() or (out / RESULTS).stat().st_size < 2000:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert process.poll() is None
    return process


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def below(pid):
    """Children and theirs: workers are children of the process that they are forked from."""
    found = children(pid)
    return found + [one for child in found for one in below(child)]


def name_of(pid):
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().replace("\0", " ")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids):
    deadline = time.monotonic() + 30
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not any(map(is_alive, pids))


def whole_clips(out):
    """Every clip that is there is there with all its records, and once."""
    found = {}
    for record in read_records(out / RESULTS):
        found.setdefault((record.method, record.clip), []).append(record.frame)
    expected = {"expert": [0]}
    for (_, clip), frames in found.items():
        assert frames == expected.get(clip.split("/")[1], [0, 1, 2, None])
    return len(found)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_finished_clips_and_exits_with_130(tiny_set, tmp_path, workers, sent):
    process = started(tiny_set, tmp_path / "run", workers)
    started_by_it = below(process.pid)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert gone(started_by_it)
    assert whole_clips(tmp_path / "run") > 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_loses_at_most_the_clips_in_work(tiny_set, tmp_path, workers):
    out = tmp_path / "run"
    process = started(tiny_set, out, workers)
    started_by_it = below(process.pid)
    process.kill()
    process.communicate(timeout=60)
    kept = whole_clips(out)
    assert kept > 0
    assert gone(started_by_it)
    words = [*COMMAND, "run", str(tiny_set), str(out), "--no-report"]
    again = subprocess.run([*words, "--method", "m0=oracle"], capture_output=True, text=True, timeout=120)
    assert again.returncode == 0
    clips = {clip for method, clip in {(r.method, r.clip) for r in read_records(out / RESULTS)} if method == "m0"}
    assert len(clips) == 5
    assert whole_clips(out) >= kept


@pytest.mark.slow
def test_a_killed_worker_is_said_and_costs_only_its_clip(tiny_set, tmp_path):
    out = tmp_path / "run"
    process = started(tiny_set, out, 2)
    server = next(pid for pid in children(process.pid) if "forkserver" in name_of(pid))
    os.kill(children(server)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3
    sentence = said.decode().strip().splitlines()[-1]
    assert sentence.startswith("lumaflux: 1 workers were killed (signal 9) while at m")
    assert "Traceback" not in said.decode()
    assert whole_clips(out) == 40 * 5 - 1
    assert json.loads((out / "options.json").read_text())["methods"]["m0"]["kind"] == "oracle"
