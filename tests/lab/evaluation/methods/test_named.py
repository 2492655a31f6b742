import json

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.baselines import BASELINES
from lumaflux.lab.evaluation.methods.classical import BaselineMethod, OracleMethod, StaticCurveMethod
from lumaflux.lab.evaluation.methods.named import method_named, methods_named
from lumaflux.lab.evaluation.methods.network import NetworkMethod
from lumaflux.lab.evaluation.methods.stored import FolderMethod, ManifestMethod
from lumaflux.settings import Settings


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_a_method(name):
    method = method_named(name)
    assert isinstance(method, BaselineMethod)
    assert method.name == name


def test_what_a_baseline_has_been_told():
    told = {name: method_named(name).told for name in BASELINES}
    assert told["none"] is None
    assert told["static-203"] == "hard-clip"
    assert told["inverse-bt2446a"] == "bt2446a"
    assert told["inverse-aces-1.3"] == "aces-1.3"
    assert method_named("oracle").told is None


def test_static_placement_undoes_the_hard_clip():
    import numpy as np

    from lumaflux.color import pq
    from lumaflux.color.operators import INVERSES

    sdr = np.random.default_rng(0).random((3, 8, 8), dtype=np.float32)
    np.testing.assert_allclose(
        BASELINES["static-203"](sdr), pq.inverse_eotf(INVERSES["hard-clip"](sdr)), atol=1e-6, rtol=0
    )


def test_the_other_kinds(tmp_path):
    assert method_named("oracle").describe()["matrix"] is True
    assert method_named("oracle-curve").describe()["matrix"] is False
    assert isinstance(method_named("static-curve"), StaticCurveMethod)
    model = method_named("model:tiny:direct", settings=Settings(steps=3))
    assert isinstance(model, NetworkMethod)
    assert (model.name, model.path, model.model) == ("model:tiny:direct", "direct", "tiny")
    assert method_named("model:tiny:bypass").describe()["path"] == "bypass"
    assert model.describe()["settings"] == {"steps": 3, "seed": 0}
    folder = method_named(f"other={tmp_path}")
    assert isinstance(folder, FolderMethod)
    (tmp_path / "p.jsonl").write_text(json.dumps({"clip": "a", "frame": 0, "prediction": "x.png"}))
    manifest = method_named(f"third={tmp_path / 'p.jsonl'}")
    assert isinstance(manifest, ManifestMethod)
    assert manifest.name == "third"
    assert manifest.paths == {("a", 0): tmp_path / "x.png"}


def test_any_method_can_be_renamed():
    named = methods_named(["oracle", "best=oracle", "fast=model:tiny", "slow=model:tiny:direct"])
    assert list(named) == ["oracle", "best", "fast", "slow"]
    assert isinstance(named["best"], OracleMethod)
    assert named["fast"].describe() != named["slow"].describe()


def test_the_description_of_a_model_is_its_weights(tmp_path):
    for file in ("config.json", "backbone.safetensors", "adapters.safetensors"):
        (tmp_path / file).write_bytes(b"1")
    before = method_named(f"model:{tmp_path}").describe()
    (tmp_path / "adapters.safetensors").write_bytes(b"2")
    after = method_named(f"model:{tmp_path}").describe()
    assert before["weights"] != after["weights"]
    (tmp_path / "adapters.safetensors").unlink()
    with pytest.raises(UserError, match=r"adapters\.safetensors"):
        method_named(f"model:{tmp_path}").describe()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "static-203"),
        ("a=nope", "static-203"),
        ("a=b=c", "a=b=c"),
        ("=static-203", "unknown method"),
        ("model:nope", "unknown model 'nope'"),
        ("model:flux-dev", "model directory"),
        ("a=missing.jsonl", "cannot be read"),
        ("static-curve=missing.json", "cannot be read"),
    ],
)
def test_what_is_no_method_is_said(text, said):
    with pytest.raises(UserError, match=said):
        method_named(text)


def test_two_of_one_name_and_none_at_all():
    with pytest.raises(UserError, match="two methods are named oracle"):
        methods_named(["oracle", "oracle"])
    with pytest.raises(UserError, match="no method"):
        methods_named([])
