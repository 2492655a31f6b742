"""Training configurations: numbers as YAML 1.2 writes them, and every mistake as a sentence."""

from pathlib import Path

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.training.config import read_train_config
from lumaflux.lab.training.stage_options import AdapterOptions, TonePredictorOptions, options_of

WHOLE = """
stage: adapters
run: runs/x
views: corpus/views
model: flux-dev
steps: 3
batch: 2
crop: 64
learning_rate: 2e-4
options:
  knots: 5E-3
  flow: 1
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(old: str = "", new: str = "") -> Path:
        assert old in WHOLE
        path = tmp_path / "train.yaml"
        path.write_text(WHOLE.replace(old, new) if old else WHOLE + new)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "value"), [("2e-4", 2e-4), ("2.e-4", 2e-4), (".2E-3", 2e-4), ("2.0e-4", 2e-4), ("1", 1.0), ("+1e0", 1.0)]
)
def test_numbers_are_numbers(written, text, value):
    config = read_train_config(written("learning_rate: 2e-4", f"learning_rate: {text}"))
    assert (type(config.learning_rate), config.learning_rate) == (float, value)


def test_options_are_numbers_with_defaults(written):
    options = options_of(read_train_config(written()), AdapterOptions)
    assert (options.knots, options.flow, options.pq, options.without) == (5e-3, 1.0, 4.0, ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "learning_speed: 3\n", "unknown entries .'learning_speed'"),
        ("steps: 3\n", "", "steps is missing"),
        ("steps: 3", "steps: -1", "steps is -1; .*greater than or equal to 0"),
        ("steps: 3", "steps: many", "steps is 'many'"),
        ("batch: 2", "batch: 0", "batch is 0"),
        ("learning_rate: 2e-4", "learning_rate: fast", "learning_rate is 'fast'"),
        ("learning_rate: 2e-4", "learning_rate: .nan", "learning_rate is nan"),
        ("", "ema: 1.5\n", "ema is 1.5"),
        ("", "betas: [0.9]\n", "betas"),
        ("", "betas: [0.9, 1.0]\n", "betas.1 is 1.0"),
        ("", "precision: fp8\n", "precision is 'fp8'; .*'float32' or 'bf16'"),
        ("model: flux-dev", "model: 7", "model is 7"),
        ("stage: adapters", "stage: [vae]", "stage is"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_file(written, old, new, said):
    path = written(old, new)
    with pytest.raises(UserError, match=said) as caught:
        read_train_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("bank: 0", "bank is 0"),
        ("dropout: 2", "dropout is 2"),
        ("held: pair", "held is 'pair'"),
        ("shares: {pair: -1}", "shares.pair is -1"),
        ("knots: 1", r"no options \['knots'\]; it has bank,"),
    ],
)
def test_options_out_of_range_are_named(written, options, said):
    config = read_train_config(written("options:\n  knots: 5E-3\n  flow: 1\n", f"options:\n  {options}\n"))
    with pytest.raises(UserError, match=said):
        options_of(config, TonePredictorOptions)
