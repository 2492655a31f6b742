import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.records import RESULTS, append_records, read_records
from lumaflux.lab.evaluation.render import FrameRenderer
from lumaflux.lab.evaluation.resume import read_options
from lumaflux.lab.evaluation.run import refuse_failures, run_benchmark
from lumaflux.lab.evaluation.selection import Selection
from lumaflux.lab.evaluation.sets.manifest import MANIFEST, read_manifest
from lumaflux.lab.evaluation.units import Benchmark
from lumaflux.media.stills.picture import write_still
from lumaflux.settings import Settings

PRESET = "hdrtv1k"
WHOLE, DEFAULTS = Selection(), Settings()


def run(folder, out, *methods, preset=PRESET, selection=WHOLE, settings=DEFAULTS, **how):
    benchmark = Benchmark(folder=folder, methods=methods, preset=preset, selection=selection, settings=settings)
    return run_benchmark(benchmark, out, **how)


def sorted_records(out):
    return sorted(json.dumps(asdict(record), sort_keys=True) for record in read_records(out / RESULTS))


def test_a_run_scores_every_frame_and_every_clip(tiny_set, tmp_path):
    seen = []
    methods = ["static-203", "oracle", "oracle-curve", "static-curve"]
    outcome = run(tiny_set, tmp_path / "run", *methods, progress=lambda done, total: seen.append((done, total)))
    assert (outcome.scored, outcome.kept, outcome.failed) == (4 * 13, 0, {})
    assert seen == [(done, 52) for done in range(53)]
    refuse_failures(outcome, tmp_path / "run")
    records = read_records(tmp_path / "run" / RESULTS)
    clips = {clip.name: clip for clip in read_manifest(tiny_set).clips}
    keys = {(record.method, record.clip, record.frame) for record in records}
    assert len(keys) == len(records)
    assert keys == {
        (method, name, frame)
        for method in methods
        for name, clip in clips.items()
        for frame in [*range(len(clip.references)), *([] if clip.frame_rate is None else [None])]
    }
    psnr = {(record.method, record.clip): record.scores["psnr"] for record in records if record.frame == 0}
    for name in clips:
        assert psnr["oracle", name] >= psnr["oracle-curve", name]
        assert psnr["oracle-curve", name] > psnr["static-203", name]
    for record in records:
        assert record.error is None
        if record.frame is None:
            assert {"prediction", "reference"} <= record.scores["tracks"].keys()
    options = read_options(tmp_path / "run")
    assert options["methods"]["static-203"]["told"] == "hard-clip"
    assert options["methods"]["oracle"]["sees"] == "the reference"
    assert options["scores"]["preset"] == PRESET


def test_the_number_of_workers_changes_nothing(tiny_set, tmp_path):
    methods = ["static-203", "oracle", "model:tiny"]
    part = Selection(frames_per_clip=2)
    for workers in (1, 2):
        run(tiny_set, tmp_path / f"by{workers}", *methods, selection=part, workers=workers)
    assert sorted_records(tmp_path / "by1") == sorted_records(tmp_path / "by2")
    assert read_options(tmp_path / "by1") == read_options(tmp_path / "by2")


def test_a_run_goes_on_where_it_was_stopped(tiny_set, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(tiny_set, whole, "none", "static-203")
    run(tiny_set, cut, "none")
    run(tiny_set, cut, "static-203", selection=Selection(scenes=("meadow",)))
    records = read_records(cut / RESULTS)
    (cut / RESULTS).unlink()
    doubled = next(record for record in records if record.clip == "harbour/hard-clip-crf18")
    lost = next(record for record in records if record.clip == "harbour/bt2446a-crf18" and record.frame == 1)
    failed = next(record for record in records if record.clip == "meadow/bt2446a-crf18" and record.frame == 2)
    kept = [record for record in records if record not in (lost, failed)]
    append_records(cut / RESULTS, [*kept, doubled, replace(failed, scores={}, error="disk full")])
    with (cut / RESULTS).open("a") as file:
        file.write('{"method": "none", "clip')
    outcome = run(tiny_set, cut, "none", "static-203")
    assert outcome.scored == 3 * 3 + 3 + 3 + 1
    assert outcome.kept == 26 - outcome.scored
    assert sorted_records(cut) == sorted_records(whole)
    assert run(tiny_set, cut, "none").scored == 0


def test_other_options_are_refused_unless_fresh(tiny_set, tmp_path):
    part = Selection(scenes=("meadow",), renderings=("hard-clip",), frames_per_clip=1)
    out = tmp_path / "run"
    run(tiny_set, out, "none", "m=static-203", selection=part)
    with pytest.raises(UserError, match=r"made otherwise \(scores: .*preset.*--fresh"):
        run(tiny_set, out, "none", preset="luma-eval", selection=part)
    with pytest.raises(UserError, match=r"set: frames_per_clip 1, now null"):
        run(tiny_set, out, "none")
    with pytest.raises(UserError, match=r"results of another m .*inverse-bt2446a"):
        run(tiny_set, out, "m=inverse-bt2446a", selection=part)
    before = read_records(out / RESULTS)
    assert run(tiny_set, out, "m=inverse-bt2446a", selection=part, fresh=True).scored == 1
    after = read_records(out / RESULTS)
    assert {r.method for r in after} == {"none", "m"}
    assert [r for r in after if r.method == "none"] == [r for r in before if r.method == "none"]
    assert [r for r in after if r.method == "m"] != [r for r in before if r.method == "m"]
    run(tiny_set, out, "none", preset="luma-eval", selection=part, fresh=True)
    assert {r.method for r in read_records(out / RESULTS)} == {"none"}
    assert list(read_options(out)["methods"]) == ["none"]


def test_a_changed_set_is_refused(own_set, tmp_path):
    part = Selection(frames_per_clip=1)
    run(own_set, tmp_path / "run", "none", selection=part)
    manifest = json.loads((own_set / MANIFEST).read_text())
    manifest["name"] = "other"
    (own_set / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=r'set: .*name "tiny", now "other"'):
        run(own_set, tmp_path / "run", "none", selection=part)


def test_a_damaged_set_is_named_before_anything_is_written(own_set, tmp_path):
    (own_set / "meadow" / "000001.png").write_bytes(b"x")
    (own_set / "meadow" / "hard-clip.mp4").unlink()
    with pytest.raises(UserError, match=r"2 files .* meadow/000001\.png, meadow/hard-clip\.mp4"):
        run(own_set, tmp_path / "run", "none")
    assert not (tmp_path / "run").exists()
    harbour = Selection(scenes=("harbour",), frames_per_clip=1)
    assert run(own_set, tmp_path / "run", "none", selection=harbour).scored == 3


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Selection(scenes=("nowhere",)), "no scene nowhere; it has harbour, meadow"),
        (Selection(crf=(23,)), "no crf 23"),
        (Selection(splits=("train",)), "no split train; it has test"),
        (Selection(scenes=("meadow",), renderings=("expert",)), "no clip"),
    ],
)
def test_an_empty_selection_is_an_error(tiny_set, tmp_path, part, said):
    with pytest.raises(UserError, match=said):
        run(tiny_set, tmp_path / "run", "none", selection=part)


def test_no_frames_per_clip_are_none():
    with pytest.raises(UserError, match="take 1 or more"):
        Selection(frames_per_clip=0)


def stored(tiny_set, folder, method):
    """What a run's renderer makes, written as any other program would."""
    run(tiny_set, folder / "made", method)
    render = FrameRenderer(tiny_set, read_options(folder / "made"))
    lines = []
    for clip in read_manifest(tiny_set).clips:
        (folder / "predictions" / clip.name).mkdir(parents=True)
        for frame in range(len(clip.references)):
            sdr, prediction, reference = render(method, clip.name, frame)
            assert sdr.shape == prediction.shape == reference.shape == (3, 48, 64)
            path = folder / "predictions" / clip.name / f"{frame:06d}.png"
            write_still(path, prediction)
            line = {"clip": clip.name, "frame": frame, "prediction": str(path.relative_to(folder))}
            lines.append(json.dumps(line) + "\n")
    (folder / "predictions.jsonl").write_text("".join(lines))


def test_stored_predictions_score_as_the_method_itself(tiny_set, tmp_path):
    method = "model:tiny:direct"
    stored(tiny_set, tmp_path, method)
    words = [f"folder={tmp_path / 'predictions'}", f"manifest={tmp_path / 'predictions.jsonl'}"]
    run(tiny_set, tmp_path / "run", *words)
    expected = [{**json.loads(text), "method": ""} for text in sorted_records(tmp_path / "made")]
    for name in ("folder", "manifest"):
        found = [json.loads(text) for text in sorted_records(tmp_path / "run")]
        assert [{**record, "method": ""} for record in found if record["method"] == name] == expected


def spoil_missing(path, prediction):
    path.unlink()


def spoil_size(path, prediction):
    write_still(path, prediction[:, :-2], overwrite=True)


def spoil_damaged(path, prediction):
    path.write_bytes(path.read_bytes()[:100])


def spoil_transfer(path, prediction):
    write_still(path, np.full_like(prediction, 0.97), overwrite=True)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_missing, "000001.png does not exist"),
        (spoil_size, "predicts 64x46"),
        (spoil_damaged, "000001.png"),
        (spoil_transfer, "another transfer"),
    ],
)
def test_a_bad_prediction_is_named_and_the_rest_is_scored(tiny_set, tmp_path, spoil, said):
    clip = next(clip for clip in read_manifest(tiny_set).clips if clip.name == "harbour/bt2446a-crf18")
    folder = tmp_path / "predictions" / clip.name
    folder.mkdir(parents=True)
    prediction = np.full((3, 48, 64), 0.4, dtype=np.float32)
    for frame in range(3):
        write_still(folder / f"{frame:06d}.png", prediction)
    spoil(folder / "000001.png", prediction)
    part = Selection(scenes=("harbour",), renderings=("bt2446a",))
    word = f"other={tmp_path / 'predictions'}"
    outcome = run(tiny_set, tmp_path / "run", word, "none", selection=part)
    assert list(outcome.failed) == ["other, harbour/bt2446a-crf18, frame 1"]
    assert said in outcome.failed["other, harbour/bt2446a-crf18, frame 1"]
    records = {(r.method, r.frame): r for r in read_records(tmp_path / "run" / RESULTS)}
    assert len(records) == 8
    assert {key for key, record in records.items() if record.error} == {("other", 1), ("other", None)}
    assert records["other", 2].scores["psnr"] > 0
    with pytest.raises(FrameError, match="1 frames were not scored: other, harbour") as caught:
        refuse_failures(outcome, tmp_path / "run")
    assert caught.value.exit_code == 3


def test_a_clip_that_ends_too_early_is_said(own_set, tmp_path):
    manifest = json.loads((own_set / MANIFEST).read_text())
    clip = next(clip for clip in manifest["clips"] if clip["name"] == "meadow/hard-clip-crf18")
    clip["references"] += clip["references"][:2]
    (own_set / MANIFEST).write_text(json.dumps(manifest))
    part = Selection(scenes=("meadow",), renderings=("hard-clip",))
    outcome = run(own_set, tmp_path / "run", "none", selection=part)
    assert [*outcome.failed] == [f"none, meadow/hard-clip-crf18, frame {number}" for number in (3, 4)]
    assert all("ends after 3 frames; the set names 5" in sentence for sentence in outcome.failed.values())


def test_settings_reach_the_model(tiny_set, tmp_path):
    part = Selection(scenes=("meadow",), renderings=("hard-clip",), frames_per_clip=1)
    psnr = set()
    for steps in (1, 4):
        out = tmp_path / f"run{steps}"
        run(tiny_set, out, "model:tiny", selection=part, settings=Settings(steps=steps))
        assert read_options(out)["methods"]["model:tiny"]["settings"]["steps"] == steps
        psnr |= {record.scores["psnr"] for record in read_records(out / RESULTS) if record.frame == 0}
    assert len(psnr) == 2


def test_the_renderer_says_what_it_cannot_make(tiny_set, tmp_path):
    (tmp_path / "p" / "x").mkdir(parents=True)
    (tmp_path / "p" / "x" / "000000.png").write_bytes(b"1")
    part = Selection(scenes=("meadow",), renderings=("hard-clip",), frames_per_clip=1)
    run(tiny_set, tmp_path / "run", "none", f"other={tmp_path / 'p'}", selection=part)
    render = FrameRenderer(tiny_set, read_options(tmp_path / "run"))
    with pytest.raises(UserError, match="no clip nowhere"):
        render("none", "nowhere", 0)
    with pytest.raises(UserError, match="no frame 7"):
        render("none", "meadow/hard-clip-crf18", 7)
    with pytest.raises(UserError, match="no method oracle"):
        render("oracle", "meadow/hard-clip-crf18", 0)
    (tmp_path / "p" / "x" / "000000.png").write_bytes(b"12")
    with pytest.raises(UserError, match="other has changed since the run"):
        render("other", "meadow/hard-clip-crf18", 0)


def test_a_run_leaves_torch_as_it_was(tiny_set, tmp_path):
    before = torch.get_num_threads()
    run(tiny_set, tmp_path / "run", "none", selection=Selection(frames_per_clip=1))
    assert torch.get_num_threads() == before
