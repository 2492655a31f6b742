import json

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.report.ablation import VARIANTS, parse_variants, write_ablation

METHODS = {f"run-{variant}": float(6 - place) for place, variant in enumerate(VARIANTS)}


@pytest.fixture(scope="module")
def ablation_run(tmp_path_factory, make_sample_run):
    return make_sample_run(tmp_path_factory.mktemp("ablation"), scenes=6, methods=METHODS)


def test_rows_stand_in_the_order_of_the_paper_with_steps_to_the_row_above(ablation_run):
    variants = {variant: f"run-{variant}" for variant in reversed(VARIANTS)}
    paths = write_ablation(ablation_run.run, set_folder=ablation_run.set_folder, variants=variants)
    document = json.loads(paths[0].read_text())
    assert [row["variant"] for row in document["rows"]] == list(VARIANTS)
    assert document["rows"][0]["to_previous"] == {}
    for above, row in zip(document["rows"], document["rows"][1:], strict=False):
        step = row["to_previous"]["delta_e_itp"]
        assert (step["method"], step["baseline"]) == (row["method"], above["method"])
        assert step["mean"] == pytest.approx(-1.0, abs=0.1)
        assert step["low"] <= step["mean"] <= step["high"] < 0
        assert step["significant"]
        assert row["means"]["delta_e_itp"]["mean"] - above["means"]["delta_e_itp"]["mean"] == pytest.approx(
            step["mean"]
        )
    text = paths[1].read_text()
    assert [text.index(label) for label in VARIANTS.values()] == sorted(
        text.index(label) for label in VARIANTS.values()
    )
    assert "to the row above" in text
    assert "Not run" not in text


def test_variants_that_were_not_run_are_said(ablation_run):
    chosen = {"pga": "run-pga", "flux-lora": "run-flux-lora"}
    paths = write_ablation(ablation_run.run, set_folder=ablation_run.set_folder, variants=chosen)
    document = json.loads(paths[0].read_text())
    assert [row["variant"] for row in document["rows"]] == ["flux-lora", "pga"]
    assert document["not_run"] == ["pga-no-gate", "pcm", "spline-linear", "spline-monotone"]
    assert "Not run: pga-no-gate, pcm, spline-linear, spline-monotone." in paths[1].read_text()


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        ({"pga": "run-pga"}, "two variants or more"),
        ({"pga": "run-pga", "pcm": "run-pga"}, "two variants or more"),
        ({"pga": "run-pga", "pcm": "nothing"}, "no method nothing"),
        ({"pga": "run-pga", "magic": "run-pcm"}, "no variant magic"),
    ],
)
def test_a_wrong_naming_is_one_sentence(ablation_run, variants, sentence):
    with pytest.raises(UserError, match=sentence):
        write_ablation(ablation_run.run, set_folder=ablation_run.set_folder, variants=variants)


def test_words_of_the_command_line():
    assert parse_variants(["pga=my run", "pcm=a=b"]) == {"pga": "my run", "pcm": "a=b"}
    for words, sentence in ((["pga"], "VARIANT=METHOD"), (["x=y"], "no variant"), (["pga=a", "pga=b"], "twice")):
        with pytest.raises(UserError, match=sentence):
            parse_variants(words)
