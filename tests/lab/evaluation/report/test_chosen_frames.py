import numpy as np

from lumaflux.lab.evaluation.report.chosen_frames import deciding_metric, hardest, worst_and_best
from lumaflux.lab.evaluation.report.score_arrays import score_arrays


def test_worst_and_best_are_the_extremes_one_a_scene(sample, evil):
    scores = score_arrays(sample.records)
    assert deciding_metric(scores) == "delta_e_itp"
    chosen = [c for c in worst_and_best(scores, "delta_e_itp", 3) if c.method == evil]
    assert [(c.rank, c.place) for c in chosen] == [(r, p) for r in ("worst", "best") for p in (1, 2, 3)]
    own = {
        (r.clip, r.frame): r.scores["delta_e_itp"] for r in sample.records if r.method == evil and r.frame is not None
    }
    assert own[chosen[0].clip, chosen[0].frame] == max(own.values())
    assert own[chosen[3].clip, chosen[3].frame] == min(own.values())
    for rank in ("worst", "best"):
        assert len({c.clip.split("/")[0] for c in chosen if c.rank == rank}) == 3


def test_no_frame_is_shown_twice_where_there_are_few(sample):
    few = [r for r in sample.records if r.clip == "scene-0/bt2390-crf23" and r.method == "static-203"]
    chosen = worst_and_best(score_arrays(few), "delta_e_itp", 3)
    assert sorted((c.clip, c.frame) for c in chosen) == [("scene-0/bt2390-crf23", 0), ("scene-0/bt2390-crf23", 1)]


def test_the_hardest_frame_has_the_worst_mean_over_methods(sample):
    scores = score_arrays(sample.records)
    (unit,) = hardest(scores, "psnr", 1)
    means = scores.values["psnr"].mean(axis=0)
    assert means[unit] == np.nanmin(means)


def test_without_a_number_nothing_is_chosen(sample):
    clips_only = [r for r in sample.records if r.frame is None]
    assert deciding_metric(score_arrays(clips_only)) is None
