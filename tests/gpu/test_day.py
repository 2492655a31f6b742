"""The day's script: parts end by their budget, results are packed whole, and a rehearsal runs all of it."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "gpu"


def script(name, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, name, module)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def pack(monkeypatch):
    return script("pack", monkeypatch)


@pytest.fixture
def day(monkeypatch, pack):
    return script("day", monkeypatch)


def python(code):
    return [sys.executable, "-c", code]


def test_what_is_taken_apart_comes_together(pack, tmp_path):
    (tmp_path / "run" / "model").mkdir(parents=True)
    contents = {"run/model/weights": os.urandom(2500), "run/empty": b"", "run/log": b"x" * 1000}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    pack.split([tmp_path / "run"], tmp_path / "out", 1000)
    sizes = [part.stat().st_size for part in (tmp_path / "out").iterdir() if part.name != pack.MANIFEST]
    assert max(sizes) == 1000
    assert pack.join(tmp_path / "out", tmp_path / "home") == []
    assert {name: (tmp_path / "home" / name).read_bytes() for name in contents} == contents
    (tmp_path / "out" / "run--model--weights.001").write_bytes(b"changed")
    assert pack.join(tmp_path / "out", tmp_path / "again") == ["run/model/weights"]
    assert not (tmp_path / "again" / "run" / "model" / "weights").exists()


def test_a_part_ends_with_its_budget_and_its_children_and_the_next_one_runs(day, tmp_path):
    today = day.Day(tmp_path, 1.0, dict(os.environ))
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(20); open({str(mark)!r}, 'w')"
    long = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    begin = time.monotonic()
    today.run(day.Part(name="long", budget=5.0, command=python(long)))
    assert time.monotonic() - begin < 16
    today.run(day.Part(name="good", budget=30.0, command=python("print('said')")))
    today.run(day.Part(name="bad", budget=30.0, command=python("raise SystemExit(9)")))
    results = json.loads((tmp_path / "day.json").read_text())
    assert results["long"]["code"] < 0
    assert results["good"]["code"] == 0
    assert results["bad"]["code"] == 9
    assert (tmp_path / "good.log").read_text() == "said\n"
    assert not mark.exists()


def test_parts_run_side_by_side(day, tmp_path):
    """Each of them waits for what the other writes."""
    today = day.Day(tmp_path, 1.0, dict(os.environ))

    def waiting(own, other):
        names = [str(tmp_path / name) for name in (own, other)]
        wait = f"import os, time; open({names[0]!r}, 'w')\nwhile not os.path.exists({names[1]!r}): time.sleep(0.02)"
        return day.Part(name=own, budget=20.0, command=python(wait))

    today.run(waiting("first", "second"), waiting("second", "first"))
    assert [result["code"] for result in today.results.values()] == [0, 0]


def test_nothing_is_begun_without_time(day, tmp_path):
    today = day.Day(tmp_path, 0.05, dict(os.environ))
    today.run(day.Part(name="late", budget=30.0, command=python("print()")))
    assert "left_out" in json.loads((tmp_path / "day.json").read_text())["late"]


def test_training_shares_what_is_left(day, tmp_path, monkeypatch):
    today = day.Day(tmp_path, 10.0, {})
    ran = []
    monkeypatch.setattr(today, "run", lambda *parts: ran.append(parts))
    day.training(today, ["a.yaml,c.yaml:2", "b.yaml"])
    minutes = [float(parts[0].command[-1]) for parts in ran]
    assert [[part.name for part in parts] for parts in ran] == [["train-a", "train-c"], ["train-b"]]
    assert minutes[0] == pytest.approx((600 * 2 / 3 - 45) / 60, abs=0.05)
    assert minutes[1] == pytest.approx((600 - 45) / 60, abs=0.05)  # nothing ran, so all of it is left


def test_the_sanitizer_is_used_where_it_is(day, monkeypatch):
    monkeypatch.setattr(day.shutil, "which", lambda name: f"/bin/{name}")
    tool = ["/bin/compute-sanitizer", "--tool"]
    assert day.watched_by("racecheck", ["p"]) == [*tool, "racecheck", *day.SANITIZED, "p"]
    assert day.watched_by("memcheck", ["p"]) == [*tool, "memcheck", *day.QUIET["memcheck"], *day.SANITIZED, "p"]
    assert day.watched_by(None, ["p"]) == ["p"]
    monkeypatch.setattr(day.shutil, "which", lambda name: None)
    assert day.watched_by("memcheck", ["p"]) == ["p"]


def test_wheels_of_an_empty_folder_are_refused(day, tmp_path):
    with pytest.raises(SystemExit, match="holds no wheels"):
        day.environment_of(tmp_path)


@pytest.mark.slow  # a minute of one core
def test_a_rehearsal_runs_every_part(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "day.py"), str(tmp_path / "out"), "--rehearse", "--minutes", "40"],
        capture_output=True,
        text=True,
        timeout=41 * 60,
    )
    results = json.loads((tmp_path / "out" / "day.json").read_text())
    assert done.returncode == 0, (done.stdout, results)
    assert {name: result["code"] for name, result in results.items()} == dict.fromkeys(results, 0)
    assert {"kernels", "memcheck", "racecheck", "flux", "lite", "pairs", "rehearsal", "train-adapters"} == set(results)
    packed = json.loads((tmp_path / "out" / "packed" / "packed.json").read_text())
    assert "run/model/adapters.safetensors" in packed
    assert "run/checkpoint.safetensors" in packed
    flux = json.loads((tmp_path / "out" / "flux.json").read_text())
    assert flux["training step of 32, micro-batch 4"]["finite"] is True
    assert json.loads((tmp_path / "out" / "pairs.json").read_text())["all, from panoramas"] > 0
