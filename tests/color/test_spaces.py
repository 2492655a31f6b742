import numpy as np
import pytest

from engine.color.spaces import SPACES, from_nits, to_nits
from engine.errors import UserError


@pytest.mark.parametrize("name", SPACES)
def test_round_trip(name):
    nits = np.random.default_rng(1).uniform(5, 150, (3, 6, 7))
    nits = nits.mean(axis=0, keepdims=True) + 0.2 * (nits - nits.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(to_nits(from_nits(nits, name), name), nits, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name, space in SPACES.items() if not space.absolute])
def test_one_is_reference_white(name):
    white = to_nits(np.ones((3, 1, 1)), name, reference_white=250.0)
    np.testing.assert_allclose(white, 250, rtol=1e-9)


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match="acescg"):
        to_nits(np.ones((3, 1, 1)), "nope")
