"""The training bench on a tiny model: every part is there and the shares make sense."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lumaflux.errors import UserError
from lumaflux.lab.bench.training import training_figures
from lumaflux.lab.data.shards import Corpus, Rendering, Shard, write_corpus, write_shard
from lumaflux.model.build import build
from lumaflux.model.config import config_from_json
from lumaflux.model.presets import TINY_FLUX

CONFIG = """
stage: adapters
run: {f}/run
corpus: {f}
model: {f}/tiny.json
start: {f}
steps: 1
batch: 2
crop: 32
learning_rate: 0.1
threads: 1
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "tiny.json").write_text(json.dumps(TINY_FLUX.to_json()))
    model = build(config_from_json(TINY_FLUX.to_json()), seed=0)
    for part, name, module in (
        ("vae", "vae", model.vae),
        ("tower", "siglip", model.siglip),
        ("prior", "transformer", model.transformer),
    ):
        (tmp_path / part).mkdir()
        weights = {key: value.numpy() for key, value in module.state_dict().items()}
        save_file(weights, tmp_path / part / f"{name}.safetensors")
    shards = []
    for split in ("train", "validation"):
        hdr = np.random.default_rng(len(split)).integers(0, 40000, (1, 3, 32, 32)).astype(np.uint16)
        file, sha256 = write_shard(tmp_path, hdr, (hdr >> 8).astype(np.uint8), [0])
        entry = {"source": split, "scene": split, "split": split, "content": "pgc", "licence": "CC0", "hdr": 1}
        shards.append(Shard(file=file, sha256=sha256, renderings=(Rendering(name="x"),), **entry))
    write_corpus(tmp_path, Corpus(size=32, specification={}, shards=tuple(shards)))
    path = tmp_path / "adapters.yaml"
    path.write_text(CONFIG.format(f=tmp_path))
    return path


def test_parts(config: Path):
    figures = training_figures(config, rounds=1)
    assert set(figures["train_ms"]) == {
        "pairs",
        "encode",
        "condition",
        "velocity",
        "velocity_backward",
        "picture",
        "optimizer",
    }
    assert figures["train_steps_per_second"] == pytest.approx(1000 / sum(figures["train_ms"].values()))
    assert 0 <= figures["train_adapters_share"] < 1


def test_another_stage_is_refused(config: Path):
    config.write_text(config.read_text().replace("adapters\nrun", "tower\nrun").replace("corpus:", "views:"))
    with pytest.raises(UserError, match="stage 'tower'"):
        training_figures(config)
