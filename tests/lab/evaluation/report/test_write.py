import csv
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.report.write import write_report


def test_the_four_files_and_nothing_else(report_files, sample):
    assert sorted(path.name for path in report_files.values()) == [f"report.{s}" for s in ("csv", "html", "json", "md")]
    found = sorted(path.name for path in sample.run.iterdir())
    assert found == ["options.json", "report.csv", "report.html", "report.json", "report.md", "results.jsonl"]


def test_json_has_the_means_the_intervals_and_the_counts(report_files, sample, evil):
    report = json.loads(report_files[".json"].read_text(), parse_constant=lambda name: pytest.fail(name))
    assert report["counts"] == {"methods": 3, "scenes": 8, "clips": 192, "frames": 384, "failures": 0}
    values = [r.scores["delta_e_itp"] for r in sample.records if r.method == evil and r.frame is not None]
    cell = report["overall"][evil]["delta_e_itp"]
    assert cell["mean"] == pytest.approx(np.mean(values), rel=1e-12)
    assert cell["low"] < cell["mean"] < cell["high"]
    assert cell["scored"] == len(values)
    assert report["metrics"]["psnr"]["better"] == "higher"
    assert report["metrics"]["new_score"]["better"] is None
    assert len(report["differences"]) == 3 * 2 * len(report["metrics"])
    assert report["overall"]["static-203"]["delta_e_itp"]["scored"] == len(values) * 7 // 8  # told the hard clip
    assert set(report["by"]) == {"rendering", "crf", "scene", "content", "split"}
    assert len(report["frames_shown"]) == 3 * 2 * 2
    assert report["options"]["scores"]["psnr"] == {"peak": 1.0}


def test_csv_has_a_line_for_every_score(report_files, sample):
    with report_files[".csv"].open(newline="") as file:
        lines = list(csv.DictReader(file))
    expected = sum(len([v for v in r.scores.values() if not isinstance(v, dict)]) for r in sample.records)
    assert len(lines) == expected
    first = sample.records[0]
    assert lines[0]["score"] == "psnr"
    assert float(lines[0]["value"]) == first.scores["psnr"]
    assert (lines[0]["method"], lines[0]["clip"], lines[0]["frame"]) == (first.method, first.clip, "0")
    assert {line["value"] for line in lines if line["score"] == "hdr_lpips"} == {"unavailable"}


def test_markdown_marks_the_best_and_escapes_names(report_files):
    text = report_files[".md"].read_text()
    assert text.startswith("# Sample &lt;set&gt;\n")
    rows = [line for line in text.splitlines() if line.startswith("| &lt;/script&gt;")]
    assert rows
    assert "| **" in rows[0]
    assert "<img" not in text
    width = {
        line.replace("\\|", "").count("|") for line in text.split("## Overall")[1].split("##")[0].splitlines() if line
    }
    assert len(width) == 1


def test_failures_and_infinite_scores_are_named_everywhere(tmp_path, make_sample_run, write_sample_run):
    sample = make_sample_run(tmp_path, scenes=2)
    records = list(sample.records)
    records[0] = replace(records[0], scores={}, error="the prediction <b> is 8 bit")
    records[1] = replace(records[1], scores=records[1].scores | {"psnr": "infinite"})
    write_sample_run(sample.run, records, dict.fromkeys(r.method for r in records))
    paths = {
        p.suffix: p.read_text() for p in write_report(sample.run, set_folder=sample.set_folder, render=sample.render)
    }
    report = json.loads(paths[".json"])
    assert report["failures"] == [
        {"method": "static-203", "clip": records[0].clip, "frame": 0, "error": "the prediction <b> is 8 bit"}
    ]
    assert report["overall"]["static-203"]["psnr"]["infinite"] == 1
    assert any("PSNR is infinite" in note and "static-203 1" in note for note in report["notes"])
    assert any("With 2 scenes" in note for note in report["notes"])
    assert not any(difference["significant"] for difference in report["differences"])
    assert "the prediction &lt;b&gt; is 8 bit" in paths[".md"]
    assert "the prediction &lt;b&gt; is 8 bit" in paths[".html"]
    assert "the prediction <b> is 8 bit" in paths[".csv"]


def test_a_frame_that_cannot_be_made_again_does_not_cost_the_report(tmp_path, make_sample_run):
    sample = make_sample_run(tmp_path, scenes=1)

    def render(method, clip, frame):
        raise UserError("the weights are <gone>")

    paths = write_report(sample.run, set_folder=sample.set_folder, render=render, worst=1)
    page = paths[-1].read_text()
    assert "Could not be rendered again: the weights are &lt;gone&gt;" in page
    assert "<img" not in page


def test_each_frame_is_rendered_once_and_method_by_method(tmp_path, make_sample_run):
    sample = make_sample_run(tmp_path, scenes=3)
    asked, told = [], []

    def render(method, clip, frame):
        asked.append((method, clip, frame))
        return sample.render(method, clip, frame)

    write_report(sample.run, set_folder=sample.set_folder, render=render, progress=lambda *step: told.append(step))
    methods = [method for method, _, _ in asked]
    assert len(set(asked)) == len(asked)
    assert sum(a != b for a, b in pairwise(methods)) == 2
    assert told[0] == (0, len(asked))
    assert told[-1] == (len(asked), len(asked))


def test_a_failure_on_the_way_leaves_the_old_report_and_no_scraps(tmp_path, make_sample_run, monkeypatch):
    sample = make_sample_run(tmp_path, scenes=1)
    (sample.run / "report.json").write_text("old")

    def broken(*args, **named):
        raise RuntimeError("power cut")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        write_report(sample.run, set_folder=sample.set_folder, render=sample.render, worst=0)
    assert (sample.run / "report.json").read_text() == "old"
    assert sorted(p.name for p in sample.run.iterdir()) == ["options.json", "report.json", "results.jsonl"]


def test_one_method_and_one_scene_make_a_report_too(tmp_path, make_sample_run):
    sample = make_sample_run(tmp_path, scenes=1, methods={"alone": 0.0})
    paths = write_report(sample.run, set_folder=sample.set_folder, render=sample.render)
    report = json.loads(paths[0].read_text())
    assert report["differences"] == []
    assert report["overall"]["alone"]["psnr"]["low"] is None
    assert 'id="differences"' not in paths[-1].read_text()


def test_an_unknown_baseline_and_a_missing_run_are_one_sentence(sample, tmp_path):
    with pytest.raises(UserError, match="no method 'nobody'; name one of static-203"):
        write_report(sample.run, set_folder=sample.set_folder, render=sample.render, baseline="nobody")
    with pytest.raises(UserError, match="run the benchmark first"):
        write_report(tmp_path, set_folder=sample.set_folder, render=sample.render)
    with pytest.raises(UserError, match="holds no set"):
        write_report(sample.run, set_folder=tmp_path, render=sample.render)
