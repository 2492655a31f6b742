"""The dry run: exact counts for FLUX.1-dev without its weights, a measured trial for a small model."""

from pathlib import Path

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.training.config import read_train_config
from lumaflux.lab.training.estimate import activation_elements, estimate
from lumaflux.lab.training.processes import Processes
from lumaflux.lab.training.train import dry_run

CONFIGS = Path(__file__).parents[3] / "engine" / "lumaflux" / "lab" / "training" / "configs"
TOWER = "stage: tower\nrun: {run}\nviews: {pool}\nmodel: {model}\nsteps: 50\nbatch: 4\ncrop: 64\nlearning_rate: 0.001\n"


def test_flux_dev_is_counted():
    found = estimate(read_train_config(CONFIGS / "flux-dev.yaml"), Processes(cpu=True))
    assert found.trained_parameters == 71_315_893
    assert found.trained_bytes == 20 * 71_315_893
    assert 2 * 11.9e9 < found.frozen_bytes < 2 * 12.8e9
    assert not found.measured
    assert "assumed" in found.sentences()[-1]


def test_checkpointing_keeps_less():
    from lumaflux.model.presets import FLUX_DEV

    assert activation_elements(FLUX_DEV, 512, True) * 10 < activation_elements(FLUX_DEV, 512, False)


@pytest.mark.parametrize("name", ["lora", "pga-no-spectrum", "pga", "pga-pcm", "linear-spline"])
def test_variants_differ_from_the_paper_s_run_in_the_variant_alone(name: str):
    from dataclasses import replace

    full, variant = (read_train_config(CONFIGS / f"flux-dev{part}.yaml") for part in ("", f"-{name}"))
    assert variant.options == {"variant": name, **full.options}
    assert replace(variant, run=full.run, options=full.options) == full


def test_a_small_run_is_measured(tmp_path: Path, pool: Path, model_json: Path):
    path = tmp_path / "tower.yaml"
    path.write_text(TOWER.format(run=tmp_path / "run", pool=pool, model=model_json))
    sentences = dry_run(path, cpu=True)
    assert "measured with three micro-batches of 4" in sentences[-1]
    assert not (tmp_path / "run").exists()
    found = estimate(read_train_config(path), Processes(cpu=True))
    assert found.activation_bytes > 0
    assert found.seconds_per_update > 0


def test_a_configuration_without_data_is_refused(tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_text("stage: tower\nrun: r\nmodel: m\nsteps: 1\nbatch: 1\ncrop: 64\nlearning_rate: 0.1\n")
    with pytest.raises(UserError, match="names no data"):
        read_train_config(path)
    path.write_text(path.read_text().replace("tower", "towers") + "views: v\n")
    with pytest.raises(UserError, match="stage is 'towers'"):
        read_train_config(path)
