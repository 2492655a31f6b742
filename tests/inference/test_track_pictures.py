"""The pictures that a track keeps: small, whole, and near enough to tell clips apart."""

import numpy as np
import pytest
from pydantic import ValidationError

from lumaflux.inference.track_pictures import MOST_PICTURES, SIZE, Pictures


def test_a_byte_a_sample_keeps_the_likeness():
    film = np.random.default_rng(0).standard_normal((50, SIZE)).astype(np.float32)
    film /= np.linalg.norm(film, axis=1, keepdims=True)
    film[3] = 0  # a flat picture
    kept = Pictures.of(film).film()
    likeness = (kept * film).sum(1)
    assert likeness[3] == 0
    assert np.delete(likeness, 3).min() > 0.9995


def test_a_long_film_keeps_some_of_its_pictures():
    pictures = Pictures.of(np.ones((2 * MOST_PICTURES + 1, SIZE), np.float16))
    assert (pictures.step, len(pictures.film())) == (3, 13_334)


@pytest.mark.parametrize("samples", ["", "AAAA", "no base64!"])
def test_what_holds_no_whole_pictures_is_refused(samples):
    with pytest.raises(ValidationError, match="the pictures of a track must"):
        Pictures(step=1, samples=samples)
