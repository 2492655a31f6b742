"""Studies that train the same stage many times: which operators and variants each sees, and what they leave behind."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.tone_pool import TonePictures
from lumaflux.lab.data.views import load_views
from lumaflux.lab.evaluation.report.ablation import VARIANTS as TABLE_ROWS
from lumaflux.lab.evaluation.report.tables import Cell
from lumaflux.lab.training import ablation, kind_temperature, left_out, left_out_pairs
from lumaflux.lab.training.adapters import AdapterStage
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.highlight_adapters import HighlightAdapterStage
from lumaflux.lab.training.prior import PriorStage
from lumaflux.lab.training.tone_predictor import TonePredictorStage
from lumaflux.model.build import build
from lumaflux.model.checkpoint import load_model
from lumaflux.model.config import VARIANTS, read_config


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, model_json: Path) -> Path:
    """Frozen stages, untrained, of a tiny model with an anchor."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "model.json").write_text(json.dumps({**json.loads(model_json.read_text()), "tone_bins": 4}))
    network = build(read_config(folder / "model.json"), seed=0)
    parts = {
        "vae/vae": network.vae,
        "tower/siglip": network.siglip,
        "prior/transformer": network.transformer,
        "anchor/anchor": network.adapters.tone_predictor,
    }
    for name, module in parts.items():
        assert module is not None
        file = folder / f"{name}.safetensors"
        file.parent.mkdir()
        save_file(module.state_dict(), file)
    return folder


@pytest.fixture
def configured(start: Path, pool: Path, tone_pool: Path, tmp_path: Path):
    def make(stage: str, **changes) -> TrainConfig:
        anchor = stage == "anchor"
        values = {
            "stage": stage,
            "run": tmp_path / stage,
            "views": tone_pool if anchor else pool,
            "options": {"bank": 12} if anchor else {},
            "model": start / "model.json",
            "start": start,
            "steps": 1,
            "batch": 2,
            "crop": 32,
            "learning_rate": 1e-3,
            "threads": 1,
            "validation_count": 1,
            "validation_size": 32,
        }
        return TrainConfig(**{**values, **changes})

    return make


def test_anchor_without_a_family(configured):
    config = configured("anchor")
    left = tuple(name for name in OPERATORS if name not in ("hard-clip", "gamma-clip"))
    assert TonePredictorStage(left_out.without(config, "clip")).pairs.operators == left
    assert TonePredictorStage(left_out.without(config, "all")).pairs.operators == tuple(OPERATORS)


@pytest.fixture
def pool_of_pairs(tone_pool: Path, tmp_path: Path) -> Path:
    """With a second pair, which is the first one's inverse."""
    from safetensors.numpy import load_file
    from safetensors.numpy import save_file as save_arrays

    entries = json.loads((tone_pool / "manifest.json").read_text())
    for entry in entries:
        (tmp_path / entry["file"]).write_bytes((tone_pool / entry["file"]).read_bytes())
    arrays = {name: array[..., ::-1].copy() for name, array in load_file(tmp_path / "pair.safetensors").items()}
    save_arrays(arrays, tmp_path / "other.safetensors")
    own = next(entry for entry in entries if entry["kind"] == "pair")
    entries.append({**own, "name": "other", "scene": "other", "file": "other.safetensors"})
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    return tmp_path


def test_pairs_are_judged_by_trainings_that_never_saw_them(configured, pool_of_pairs: Path):
    config = configured("anchor", views=pool_of_pairs)
    scores = list(left_out_pairs.leave_out(config))
    assert [score.name for score in scores] == ["pair", "other"]
    for name, other in (("1-of-2", "pair"), ("2-of-2", "other")):
        assert left_out_pairs.RESULT in {file.name for file in (config.run / name).iterdir()}
        held = TonePredictorStage(TrainConfig(**{**vars(config), "options": {"bank": 2, "held": [other]}}))
        assert [picture.name for picture in held.pairs.pairs] == [{"pair": "other", "other": "pair"}[other]]
    # both pairs are one picture: the curve that was fitted to the other fits
    assert scores[0].psnr["static curve"] > scores[0].psnr["static placement"] + 3
    written = (config.run / "1-of-2" / left_out_pairs.RESULT).stat().st_mtime_ns
    assert list(left_out_pairs.leave_out(config)) == scores
    assert (config.run / "1-of-2" / left_out_pairs.RESULT).stat().st_mtime_ns == written


def test_graded_hdr_is_shown_by_laws_and_operators():
    hdr = np.linspace(0, 40000, 4 * 3 * 16 * 16).reshape(4, 3, 16, 16).astype(np.uint16)
    examples = left_out_pairs.examples_of(TonePictures(name="film", scene="film", kind="graded", hdr=hdr, sdr=None))
    assert len(examples) == 2 * (3 + len(OPERATORS))
    assert {example.name for example in examples} == {"film by authors", "film by operators"}
    assert all(example.camera == ("authors" in example.name) for example in examples)
    first = pq.eotf(examples[0].hdr)
    assert float(first.max()) <= 1000.5
    assert not torch.equal(examples[0].sdr, examples[3].sdr)


def test_the_table_of_pairs_names_what_is_worse_than_static():
    def score(name: str, told: float) -> left_out_pairs.LeftOutScore:
        values: dict[str, float] = dict(zip(left_out_pairs.METHODS, (10.0, 20.0, 9.0, told, 10.0), strict=True))
        logits = {"logit": 0.3, "camera": True, "graded": (-0.3, -0.4, 0.1)}
        return left_out_pairs.LeftOutScore(name=name, psnr=values, delta_e=values, **logits)

    text = left_out_pairs.table([score("seine", 13.5), score("lamps", 11.0)])
    assert "| mean of 2 | 10.0 / 10.0 | 20.0 / 20.0 | 9.0 / 9.0 | 12.2 / 12.2 | 10.0 / 10.0 |" in text
    assert "source told: seine (+3.5)." in text
    assert "found by itself: none." in text
    assert "names 100% of camera material and 67% of masters by operators rightly" in text


def test_a_head_that_is_right_more_often_than_it_says_gets_a_temperature_below_one():
    generator = torch.Generator().manual_seed(3)
    true = 3 * torch.randn(4000, generator=generator)
    camera = torch.rand(4000, generator=generator) < true.sigmoid()  # logits that are right as often as they say
    for doubt in (0.5, 1.0, 2.0):
        said = true * doubt
        found = kind_temperature.fit_temperature(said[camera].tolist(), said[~camera].tolist())
        assert found == pytest.approx(doubt, rel=0.1)
    with pytest.raises(ValueError, match="both kinds"):
        kind_temperature.fit_temperature([], [1.0])


def test_one_pair_cannot_be_left_out(configured, tone_pool: Path, capsys):
    with pytest.raises(UserError, match="has 1 author-made pairs"):
        list(left_out_pairs.leave_out(configured("anchor")))
    with pytest.raises(SystemExit, match="2"):
        left_out_pairs.main(["--pool", str(tone_pool)])
    assert "two are the least" in capsys.readouterr().err


def test_families_hold_every_operator_once():
    assert sorted(name for family in left_out.FAMILIES.values() for name in family) == sorted(OPERATORS)


def test_a_placement_is_a_model_whose_bypass_changes_no_light(configured, pool: Path):
    """Its tone field is the identity, so that nothing but the anchor is judged."""
    import torch

    from lumaflux.backends.torch import TorchBackend
    from lumaflux.inference.converter import Converter

    config = configured("anchor")
    folder = left_out.trained_placement(config, "clip")
    model = load_model(folder)
    sdr = torch.from_numpy(load_views(pool, "test")[0].views[:1, :, :64, :64].astype("float32") / 65535)
    rendered = Converter(TorchBackend(model), bypass=True).convert(sdr).hdr_pq
    begun = model.to_pq(model.decode_latents(model.encode(model.start(sdr, model.placement(sdr)))))
    assert (rendered - begun).abs().max() < 1e-4
    assert json.loads((folder / "config.json").read_text())["tone_bins"] == 4
    written = (folder / "adapters.safetensors").stat().st_mtime_ns
    assert left_out.trained_placement(config, "clip") == folder
    assert (folder / "adapters.safetensors").stat().st_mtime_ns == written


def test_table_of_families():
    def cell(value):
        return Cell(mean=value, low=None, high=None, scored=1, infinite=0, meaningless=0, unavailable=0)

    means = {key: cell(30.0) for key in ("psnr", "psnr_aligned", "delta_e_itp", "delta_e_itp_aligned")}
    text = left_out.table({"clip": {"unseen": means, "seen": {**means, "psnr": cell(33.5)}}})
    assert "| clip | hard-clip, gamma-clip | 30.00 | 30.00 | 30.00 | 30.00 | 33.50 |" in text


def test_adapters_without_an_operator(configured):
    stage = AdapterStage(configured("adapters", options={"without": ["reinhard"]}))
    assert "reinhard" not in stage.pairs.operators  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(UserError, match="no operator reinhart"):
        AdapterStage(configured("adapters", options={"without": ["reinhart"]}))
    with pytest.raises(UserError, match="anchor stage has no options"):
        TonePredictorStage(configured("anchor", options={"whithout": ["reinhard"]}))


@pytest.mark.parametrize(
    ("stage", "options", "said"),
    [
        (PriorStage, {"at_one": 2}, "at_one"),
        (PriorStage, {"blend": "half"}, "blend"),
        (PriorStage, {"sample": 3}, "no options"),
        (HighlightAdapterStage, {"detail": "highlights", "decoded": -1}, "decoded"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(configured, stage, options, said):
    with pytest.raises(UserError, match=said):
        stage(configured("prior" if stage is PriorStage else "adapters", options=options))


def test_an_anchor_learns_from_its_bank_and_is_judged_on_what_it_did_not_see(configured, tmp_path: Path):
    from lumaflux.lab.training.train import train_configured

    config = configured("anchor", steps=8, options={"bank": 40, "held": ["pair"]})
    stage = TonePredictorStage(config)
    assert "pair" not in {picture.name for picture in stage.pairs.pairs}
    assert stage.tone_predictor.line.abs().max() > 0  # fitted before the first update
    figures = train_configured(config, cpu=True)
    assert {"pq_psnr_told", "delta_e_itp_auto", "pairs_pq_psnr_told"} <= set(figures)
    assert all(0 < value < 200 for value in figures.values())
    assert (config.run / "anchor.safetensors").exists()
    with pytest.raises(UserError, match="no training source nowhere to hold out"):
        TonePredictorStage(configured("anchor", options={"held": ["nowhere"]}))


def test_ablation_trains_each_variant(configured):
    assert set(ablation.ROWS) == set(TABLE_ROWS)
    assert set(ablation.ROWS.values()) == set(VARIANTS)
    models = ablation.train_variants(configured("adapters"), ["lora", "linear-spline"])
    for variant, folder in models.items():
        assert load_model(folder).config.variant == VARIANTS[variant]
    written = [(folder / "adapters.safetensors").stat().st_mtime_ns for folder in models.values()]
    assert ablation.train_variants(configured("adapters"), ["lora", "linear-spline"]) == models
    assert [(folder / "adapters.safetensors").stat().st_mtime_ns for folder in models.values()] == written
    with pytest.raises(UserError, match="stage 'anchor'"):
        ablation.train_variants(configured("anchor"), ["lora"])


def test_studies_refuse_a_missing_start(configured):
    with pytest.raises(UserError, match="'start'"):
        left_out.trained_placement(configured("anchor", start=None), "clip")
