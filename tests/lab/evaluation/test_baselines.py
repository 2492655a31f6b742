import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.baselines import BASELINES, baseline_named
from lumaflux.lab.evaluation.static_curve import oracle


@pytest.fixture(scope="module")
def pair():
    """A master with colour and highlights, through BT.2446 A."""
    rng = np.random.default_rng(0)
    level = 10 ** rng.uniform(-1, 2.9, (1, 12, 16))
    nits = np.repeat(np.repeat(level * rng.uniform(0.5, 1, (3, 12, 16)), 4, axis=1), 4, axis=2)
    sdr = OPERATORS["bt2446a"](nits).astype(np.float32)
    return sdr, pq.inverse_eotf(nits).astype(np.float32)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_gives_finite_pq_up_to_1000_nit_and_keeps_grey(name, pair):
    out = baseline_named(name)(pair[0])
    assert out.dtype == np.float32
    assert out.shape == pair[0].shape
    assert np.isfinite(out).all()
    assert out.max() <= 0.75183
    grey = baseline_named(name)(np.linspace(0, 1, 32, dtype=np.float32).reshape(1, 1, 32).repeat(3, axis=0))
    np.testing.assert_allclose(grey, grey.mean(axis=0, keepdims=True).repeat(3, axis=0), atol=5e-3)


def test_the_oracle_beats_every_baseline(pair):
    sdr, reference = pair
    errors = {name: np.square(make(sdr) - reference).mean() for name, make in BASELINES.items()}
    assert np.square(oracle(sdr, reference) - reference).mean() < min(errors.values())
    assert (
        np.square(oracle(sdr, reference) - reference).mean()
        <= np.square(oracle(sdr, reference, matrix=False) - reference).mean()
    )


def test_an_unknown_baseline_lists_the_known():
    with pytest.raises(UserError, match="static-203"):
        baseline_named("nope")


def test_a_directory_of_predictions(tmp_path):
    import OpenImageIO as oiio

    from lumaflux.lab.evaluation.baselines import write_predictions
    from lumaflux.lab.evaluation.pairs import read_pq

    (tmp_path / "sdr").mkdir()
    pixels = np.full((16, 20, 3), 255, dtype=np.uint8)
    oiio.ImageBuf(pixels).write(str(tmp_path / "sdr" / "white.png"))
    assert write_predictions("static-203", tmp_path / "sdr", tmp_path / "made") == 1
    nits = pq.eotf(read_pq(tmp_path / "made" / "white.png"))
    np.testing.assert_allclose(nits, 203, rtol=1e-3)
