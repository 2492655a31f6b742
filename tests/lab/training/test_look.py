"""Looks: fitted to pairs, judged on pairs left out, kept in a file that only their own model takes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import LookPair
from lumaflux.lab.training import look
from lumaflux.lab.training.learn import described
from lumaflux.model.look_file import TRAINED, read_look, take_look, tone_digest, write_look
from lumaflux.model.presets import TINY
from lumaflux.model.tone_predictor import TonePredictor

SHAPE = replace(TINY, tone_bins=8)


@pytest.fixture
def predictor():
    torch.manual_seed(0)
    return TonePredictor(SHAPE).requires_grad_(False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(look, "UPDATES", 12)
    monkeypatch.setattr(look, "FOLDS", 2)
    monkeypatch.setattr(look, "_RATE", 8e-2)


def pairs_of(stops):
    """Pictures of noise at several levels, one a pair; HDR that is static placement times 2^stops."""
    found = []
    for number, each in enumerate(stops):
        level = 0.25 + 0.08 * number
        codes = (level + 0.2 * np.random.default_rng(number).random((1, 3, 24, 24))).astype(np.float32)
        nits = pq.eotf(np.asarray(sdr_to_pq(codes))) * 2.0**each
        found.append(LookPair(name=f"p{number}", sdr=codes, hdr=pq.inverse_eotf(nits).astype(np.float32), match=1.0))
    return found


def test_one_grade_is_learned_and_better_on_pairs_left_out(predictor):
    before = tone_digest(predictor)
    tensors, scores = look.fit(predictor, pairs_of([-0.8] * 4))
    assert tone_digest(predictor) == before  # what ships is left as it was
    assert set(tensors) == set(TRAINED)
    gained = look.difference([score.look_psnr - score.shipped_psnr for score in scores])
    assert gained.low > 2.0
    assert look.is_better(scores)
    assert "not better" not in "\n".join(described(scores, better=True))


def test_grades_that_contradict_each_other_are_said_to_be_no_better(predictor):
    _, scores = look.fit(predictor, pairs_of([1.2, -1.2, 1.2, -1.2]))
    assert not look.is_better(scores)
    assert described(scores, better=False)[-1].startswith("The look is not better than the shipped model")


def test_too_few_pairs_are_refused(predictor):
    with pytest.raises(UserError, match="there is one pair; a look is judged on pairs that it did not see"):
        look.fit(predictor, pairs_of([1.0]))


def test_a_look_goes_into_its_own_model_alone(predictor, tmp_path):
    path = tmp_path / "studio.safetensors"
    tensors = {name: parameter + 0.1 for name, parameter in predictor.named_parameters() if name in TRAINED}
    write_look(path, tensors, tone_digest(predictor), {"pairs": ["p0"]})
    assert path.stat().st_size < 64_000
    assert read_look(path)[2] == {"pairs": ["p0"]}
    other = TonePredictor(SHAPE)
    with pytest.raises(UserError, match="was learned over other weights"):
        take_look(other, path)
    with pytest.raises(UserError, match="has no tone predictor"):
        take_look(None, path)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain = predictor(picture, predictor.predict(picture))
    take_look(predictor, path)
    assert float((predictor(picture, predictor.predict(picture)) - plain).abs().mean()) > 1e-3
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="is not a readable safetensors file"):
        read_look(path)
