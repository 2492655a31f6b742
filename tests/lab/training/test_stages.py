"""The four stages on a tiny configuration: the loss falls, results chain, only adapters train, bits repeat."""

from pathlib import Path

import pytest
import torch

from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.lab.training.adapters import AdapterStage, Begun, with_source_detail
from lumaflux.lab.training.config import TrainConfig, read_train_config
from lumaflux.lab.training.loop import run_stage
from lumaflux.lab.training.prior import PriorStage
from lumaflux.lab.training.run import micro_batch_generator
from lumaflux.lab.training.tower import TowerStage
from lumaflux.lab.training.train import train
from lumaflux.lab.training.vae import VaeStage
from lumaflux.lab.training.validate import evaluate, format_table, model_converter
from lumaflux.model.checkpoint import load_model
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def configured(runs: Path, pool: Path, model_json: Path):
    def make(stage: str, **changes) -> TrainConfig:
        values = {
            "stage": stage,
            "run": runs / stage,
            "views": pool,
            "model": model_json,
            "start": runs,
            "steps": 4,
            "batch": 4,
            "crop": 64,
            "learning_rate": 1e-3,
            "warmup": 2,
            "threads": 1,
            "validation_count": 4,
            "validation_size": 64,
        }
        return TrainConfig(**{**values, **changes})

    return make


@pytest.fixture(scope="module")
def prior_options(runs: Path):
    """Of stages that share one bank of pairs, which takes longer to draw than they to train."""
    return {"bank": 32, "unseen": 8, "light_updates": 4, "light_examples": 8, "pairs": str(runs / "pairs")}


@pytest.fixture(scope="module")
def chain(configured, prior_options, runs: Path) -> Path:
    """All four stages, a few updates each."""
    torch.set_num_threads(1)
    run_stage(VaeStage(configured("vae")), configured("vae"))
    run_stage(TowerStage(configured("tower")), configured("tower"))
    prior = configured("prior", options=prior_options)
    run_stage(PriorStage(prior), prior)
    run_stage(AdapterStage(configured("adapters")), configured("adapters"))
    return runs


def mean_loss(stage, steps: int, seed: int) -> float:
    with torch.no_grad():
        return (
            sum(
                float(stage.losses(i, stage.config.batch, micro_batch_generator(seed, i))["total"])
                for i in range(steps)
            )
            / steps
        )


def test_linear_start_reconstructs_before_any_update(configured):
    figures = VaeStage(configured("vae")).validate()
    assert figures["pq_psnr"] > 20


def test_chain_leaves_a_loadable_model(chain: Path):
    model = load_model(chain / "adapters" / "model")
    frame = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    out = model_converter(model, 2)(frame)
    assert out.shape == frame.shape
    assert torch.isfinite(out).all()
    latents = model.encode(frame)
    assert 0.1 < float(latents.detach().std()) < 10


def test_adapters_learn_and_nothing_else_moves(chain: Path, configured):
    config = configured("adapters", run=chain / "learning", steps=25, learning_rate=5e-3, crop=32)
    stage = AdapterStage(config)
    frozen = {k: v.clone() for k, v in stage.network.state_dict().items() if not k.startswith("adapters.")}
    before = mean_loss(stage, 4, seed=99)
    run_stage(stage, config)
    assert mean_loss(stage, 4, seed=99) < 0.97 * before
    for key, value in stage.network.state_dict().items():
        if key in frozen:
            assert torch.equal(value, frozen[key]), key


def test_prior_learns(chain: Path, configured, prior_options):
    config = configured("prior", run=chain / "prior2", steps=30, learning_rate=3e-3, options=prior_options)
    stage = PriorStage(config)
    before = mean_loss(stage, 4, seed=99)
    figures = run_stage(stage, config)
    assert mean_loss(stage, 4, seed=99) < 0.97 * before
    assert -1 <= figures["clipped_correlation"] <= 1


def test_bf16_with_checkpointing_learns_in_float32(chain: Path, configured):
    small = {"steps": 2, "crop": 32, "validation_count": 2, "validation_size": 32}
    config = configured("adapters", run=chain / "bf16", precision="bf16", gradient_checkpointing=True, **small)
    stage = AdapterStage(config)
    assert stage.network.transformer.dtype == torch.bfloat16
    figures = run_stage(stage, config)
    assert all(parameter.dtype == torch.float32 for parameter in stage.parameters().values())
    assert 5 < figures["pq_psnr_1"] < 60


def test_the_product_path_teaches_too(chain: Path, configured):
    options = {"detail": "source", "picture_every": 1, "at_one": 1.0, "varied": 0.5, "flow": 0.1}
    config = configured("adapters", run=chain / "source", steps=20, learning_rate=3e-3, crop=32, options=options)
    stage = AdapterStage(config)
    before = mean_loss(stage, 4, seed=99)
    figures = run_stage(stage, config)
    assert mean_loss(stage, 4, seed=99) < 0.97 * before
    assert figures["delta_e_itp_1"] < figures["delta_e_itp_0"]


def test_training_sees_what_the_product_renders(chain: Path):
    network = load_model(chain / "adapters" / "model")
    sdr = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        placement = network.placement(sdr)
        z = network.encode(network.start(sdr, placement))
        generated = network.decode(z).hdr_pq
        picture = with_source_detail(network, generated, Begun(sdr, placement, z), sdr)
    rendered = Converter(TorchBackend(network), bypass=True).render(sdr, Settings())
    assert (picture - rendered).abs().max() < 0.01  # debanding moves codes by half of one


def test_detail_is_generated_or_of_the_source(configured):
    with pytest.raises(UserError, match="detail is 'sauce'"):
        AdapterStage(configured("adapters", options={"detail": "sauce"}))


@pytest.mark.parametrize("variant", ["lora", "pga-no-spectrum", "pga", "pga-pcm", "linear-spline"])
def test_ablation_variants_train(chain: Path, configured, variant: str):
    config = configured("adapters", run=chain / variant, steps=1, crop=32, options={"variant": variant})
    run_stage(AdapterStage(config), config)
    assert load_model(config.run / "model").config.variant == stage_variant(variant)


def stage_variant(name: str):
    from lumaflux.model.config import VARIANTS

    return VARIANTS[name]


def test_sample_sheets(chain: Path, configured):
    sheets = AdapterStage(configured("adapters")).pictures()
    assert sheets["converted"].size == (4 * 66, 3 * 66)
    assert VaeStage(configured("vae")).pictures()["reconstruction"].size == (6 * 66, 2 * 66)


def test_unknown_options_are_named(configured):
    with pytest.raises(UserError, match="random_chare"):
        AdapterStage(configured("adapters", options={"random_chare": 0.1}))


def test_pairs_of_a_corpus(chain: Path, configured, tmp_path: Path):
    from lumaflux.lab.data.shards import Corpus, Rendering, Shard, write_corpus, write_shard

    shards = []
    for split in ("train", "validation"):
        rng = torch.Generator().manual_seed(len(split))
        hdr = (torch.rand(1, 3, 64, 64, generator=rng) * 40000).numpy().astype("uint16")
        file, sha256 = write_shard(tmp_path, hdr, (hdr >> 8).astype("uint8"), [0])
        entry = {"source": split, "scene": split, "split": split, "content": "pgc", "licence": "CC0", "hdr": 1}
        shards.append(Shard(file=file, sha256=sha256, renderings=(Rendering(name="reinhard"),), **entry))
    write_corpus(tmp_path, Corpus(size=64, specification={}, shards=tuple(shards)))
    config = configured("adapters", run=chain / "corpus", views=None, corpus=tmp_path, steps=2, crop=32)
    assert run_stage(AdapterStage(config), config)["pq_psnr_1"] > 3


def test_adapter_run_resumes_in_the_same_bits(chain: Path, configured):
    whole_config = configured("adapters", run=chain / "whole", crop=32)
    whole = AdapterStage(whole_config)
    run_stage(whole, whole_config)
    parts_config = configured("adapters", run=chain / "parts", crop=32)
    run_stage(AdapterStage(parts_config), parts_config, stop_after=2)
    parts = AdapterStage(parts_config)
    run_stage(parts, parts_config)
    for (name, a), b in zip(whole.parameters().items(), parts.parameters().values(), strict=True):
        assert torch.equal(a, b), name


def test_decoder_alone_leaves_the_encoder(chain: Path, configured):
    config = configured("vae", run=chain / "decoder-only", crop=32, options={"decoder_noise": 0.1})
    stage = VaeStage(config)
    encoder = {k: v.clone() for k, v in stage.vae.encoder.state_dict().items()}
    decoder = {k: v.clone() for k, v in stage.vae.decoder.state_dict().items()}
    run_stage(stage, config)
    assert all(torch.equal(v, encoder[k]) for k, v in stage.vae.encoder.state_dict().items())
    assert not all(torch.equal(v, decoder[k]) for k, v in stage.vae.decoder.state_dict().items())


def test_table_names_every_converter(chain: Path, pool: Path):
    from lumaflux.lab.data.views import load_views

    model = load_model(chain / "adapters" / "model")
    scenes = load_views(pool, "test")
    table = evaluate({"model": model_converter(model, 1), "identity": lambda sdr: sdr * 0.7}, scenes, 1)
    text = format_table(table)
    assert text.count("\n") == 3
    assert all(len(scores) == 1 for rows in table.values() for scores in rows.values())


def test_missing_earlier_stage(tmp_path: Path, configured):
    with pytest.raises(UserError, match="earlier training stage"):
        AdapterStage(configured("adapters", start=tmp_path))


def test_train_runs_a_yaml_file_and_names_mistakes(tmp_path: Path, pool: Path, model_json: Path):
    lines = {
        "stage": "tower",
        "run": tmp_path / "run",
        "views": pool,
        "model": model_json,
        "steps": 2,
        "batch": 4,
        "crop": 64,
        "learning_rate": 1e-3,
        "threads": 1,
    }
    path = tmp_path / "tower.yaml"
    path.write_text("\n".join(f"{k}: {v}" for k, v in lines.items()))
    assert 0 <= train(path)["retrieval"] <= 1
    assert (tmp_path / "run" / "siglip.safetensors").exists()
    path.write_text(path.read_text() + "\nlearning_speed: 3\n")
    with pytest.raises(UserError, match="learning_speed"):
        read_train_config(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_train_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "name",
    ["vae", "prior", "prior-decoded", "prior-blended", "prior-varied", "anchor", "adapters", "highlight-adapters"],
)
def test_lite_configurations_are_valid(name: str):
    from importlib.resources import files

    config = read_train_config(Path(str(files("lumaflux.lab.training") / "configs" / f"lite-{name}.yaml")))
    assert config.stage == name.removeprefix("highlight-").split("-")[0]
