import math
from dataclasses import replace

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.records import Record
from lumaflux.lab.evaluation.report.score_arrays import score_arrays
from lumaflux.lab.evaluation.report.tables import best, complete_methods, differences, grouped, overall


def record(method, clip, frame, scene="s", rendering="r", crf=23, error=None, **scores):
    return Record(
        method=method,
        clip=clip,
        sequence=scene,
        scene=scene,
        split="test",
        content="pgc",
        rendering=rendering,
        crf=crf,
        frame=frame,
        scores=scores,
        error=error,
    )


def test_clips_count_alike_however_long_they_are():
    rows = [record("a", "one", frame, psnr=10.0) for frame in range(3)] + [record("a", "two", 0, psnr=20.0)]
    assert overall(score_arrays(rows))["a"]["psnr"].mean == 15.0


def test_infinite_meaningless_and_unavailable_are_left_out_and_counted():
    rows = [
        record("a", "one", 0, psnr=30.0, delta_e_itp_clipped=None, hdr_lpips="unavailable"),
        record("a", "one", 1, psnr="infinite", delta_e_itp_clipped=4.0, hdr_lpips="unavailable"),
        record("a", "one", 2, psnr=float("inf"), delta_e_itp_clipped=float("nan"), hdr_lpips="unavailable"),
    ]
    cells = overall(score_arrays(rows))["a"]
    assert (cells["psnr"].mean, cells["psnr"].scored, cells["psnr"].infinite) == (30.0, 1, 2)
    assert (cells["delta_e_itp_clipped"].mean, cells["delta_e_itp_clipped"].meaningless) == (4.0, 2)
    assert (cells["hdr_lpips"].mean, cells["hdr_lpips"].unavailable) == (None, 3)


def test_only_equal_pictures_are_infinite():
    rows = [record("a", "one", 0, psnr="infinite"), record("b", "one", 0, psnr=40.0)]
    scores = score_arrays(rows)
    means = {name: row["psnr"].mean for name, row in overall(scores).items()}
    assert means == {"a": math.inf, "b": 40.0}
    assert best("psnr", means) == {"a"}
    assert grouped(scores, "crf")["psnr"]["CRF 23"]["a"] == math.inf


def test_scores_of_whole_clips_stand_beside_those_of_frames():
    rows = [record("a", "one", 0, psnr=30.0), record("a", "one", None, flicker=0.5, tracks={"prediction": {}})]
    scores = score_arrays(rows)
    assert scores.keys == ("psnr", "flicker")
    assert overall(scores)["a"]["flicker"].mean == 0.5
    assert overall(scores)["a"]["psnr"].mean == 30.0
    assert scores.tracks == {("a", "one"): {"prediction": {}}}


def test_failures_are_named_and_their_method_is_never_best():
    rows = [record("a", "one", 0, psnr=50.0), record("a", "one", 1, error="no such frame")]
    rows += [record("b", "one", frame, psnr=30.0) for frame in range(2)]
    rows += [record("c", "one", 0, psnr=60.0)]
    scores = score_arrays(rows)
    assert [(row.method, row.frame, row.error) for row in scores.failures] == [("a", 1, "no such frame")]
    assert complete_methods(scores) == {"b"}


def test_a_later_record_of_a_frame_replaces_the_earlier():
    rows = [record("a", "one", 0, error="killed"), record("a", "one", 0, psnr=30.0)]
    scores = score_arrays(rows)
    assert not scores.failures
    assert overall(scores)["a"]["psnr"].mean == 30.0


def test_a_run_without_records_is_refused():
    with pytest.raises(UserError, match="no records"):
        score_arrays([])


def test_differences_are_paired_frame_by_frame_and_go_both_ways():
    rows = [record("a", "one", 0, psnr=30.0), record("a", "one", 1, psnr="infinite")]
    rows += [record("b", "one", 0, psnr=27.0), record("b", "one", 1, psnr=90.0)]
    found = differences(score_arrays(rows))
    assert found["a", "b", "psnr"].mean == 3.0
    assert found["b", "a", "psnr"].mean == -3.0
    assert found["a", "b", "psnr"].improves is True
    assert found["b", "a", "psnr"].improves is False
    assert found["a", "b", "psnr"].low is None  # one scene has no interval
    assert not found["a", "b", "psnr"].significant


def test_groups_are_means_of_their_clips(sample, evil):
    scores = score_arrays(sample.records)
    by_crf = grouped(scores, "crf")["psnr"]
    assert list(by_crf) == ["CRF 23", "CRF 31", "CRF 39"]
    values = [r.scores["psnr"] for r in sample.records if r.method == evil and r.crf == 31 and r.frame is not None]
    assert by_crf["CRF 31"][evil] == pytest.approx(np.mean(values), rel=1e-12)
    assert set(grouped(scores, "rendering")["psnr"]) == {r.rendering for r in sample.records}
    assert set(grouped(scores, "scene")["psnr"]) == {f"scene-{n}" for n in range(8)}
    assert set(grouped(scores, "content")["psnr"]) == {"pgc", "ugc"}


def test_clips_that_came_without_an_encode_are_a_group_of_their_own():
    rows = [record("a", "one", 0, crf=39, psnr=1.0), record("a", "two", 0, crf=None, psnr=2.0)]
    assert list(grouped(score_arrays(rows), "crf")["psnr"]) == ["CRF 39", "as it came"]


def test_what_a_method_was_told_counts_only_in_the_table_by_rendering():
    rows = [record("a", "one", 0, rendering="x", psnr=90.0), record("a", "two", 0, rendering="y", psnr=30.0)]
    rows += [replace(row, method="b", scores={"psnr": 20.0}) for row in rows]
    scores = score_arrays(rows, told={"a": "x"})
    assert overall(scores)["a"]["psnr"].mean == 30.0
    assert overall(scores)["a"]["psnr"].scored == 1
    assert differences(scores)["a", "b", "psnr"].mean == 10.0
    assert grouped(scores, "scene")["psnr"]["s"]["a"] == 30.0
    assert grouped(scores, "rendering")["psnr"]["x"]["a"] == 90.0


def test_differences_of_the_sample_are_what_it_was_made_with(sample, evil):
    found = differences(score_arrays(sample.records))[evil, "static-203", "delta_e_itp"]
    assert found.mean == pytest.approx(-4.0, abs=0.1)
    assert found.low < found.mean < found.high < 0
    assert found.significant
    assert found.improves
    assert (found.scenes, found.clips) == (8, 192)
