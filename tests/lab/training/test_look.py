"""Looks: fitted to pairs, judged on pairs left out, kept in a file that only their own model takes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.inference import load
from lumaflux.lab.data.look_pairs import LookPair
from lumaflux.lab.training import learn, look
from lumaflux.lab.training.learn import described
from lumaflux.model.look_file import FORMAT, TRAINED, VERSION, read_look, take_look, tone_digest, write_look
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


@pytest.mark.parametrize("text", ["", "{", '{"pairs": ', "[]", "null", "[" * 100_000, "\x00", "nonsense"])
def test_damaged_provenance_is_a_sentence(predictor, tmp_path, text):
    path = tmp_path / "studio.safetensors"
    tensors = {name: parameter.detach() for name, parameter in predictor.named_parameters() if name in TRAINED}
    held = {"format": FORMAT, "version": VERSION, "base": tone_digest(predictor), "provenance": text}
    save_file(tensors, path, held)
    with pytest.raises(UserError, match=r"studio\.safetensors is damaged"):
        take_look(predictor, path)


def test_files_are_known_by_name_and_digest_and_not_by_their_places(predictor, tmp_path, monkeypatch):
    """Two of one name, as cameras number them, are two; the folders of whoever made the look are not written."""
    monkeypatch.setattr(
        load, "load_network", lambda model: SimpleNamespace(adapters=SimpleNamespace(tone_predictor=predictor))
    )
    for number in range(3):
        (tmp_path / f"day{number}").mkdir()
        for name in ("IMG_0001.png", "IMG_0001-hdr.png"):
            (tmp_path / f"day{number}" / name).write_bytes(bytes([number]) + name.encode())
    monkeypatch.setattr(learn, "read_pairs", lambda name, sdr, hdr: [replace(pairs_of([0.5])[0], name=name)])
    asked = [f"{tmp_path}/day{number}/IMG_0001.png={tmp_path}/day{number}/IMG_0001-hdr.png" for number in range(3)]
    learn.learn(asked, tmp_path / "a.safetensors", model="lite")
    provenance = read_look(tmp_path / "a.safetensors")[2]
    assert [one["name"] for one in provenance["files"]] == ["IMG_0001-hdr.png"] * 3 + ["IMG_0001.png"] * 3
    assert len({one["digest"] for one in provenance["files"]}) == 6
    assert str(tmp_path) not in str(provenance)
