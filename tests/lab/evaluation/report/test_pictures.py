import base64
import io

import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq
from lumaflux.color.false_colour import difference_colour, false_colour
from lumaflux.lab.evaluation.report.pictures import CAPTIONS, frame_pictures


def flat(nits, size=(90, 160)):
    return pq.inverse_eotf(np.full((3, *size), nits)).astype(np.float32)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.removeprefix("data:image/jpeg;base64,")))))


def test_six_pictures_say_what_the_frame_says():
    sdr = np.full((3, 90, 160), 0.5, dtype=np.float32)
    found = frame_pictures(sdr, flat(100), flat(400), budget=10**6)
    assert list(found) == list(CAPTIONS)
    assert abs(pixels(found["sdr"]).astype(int) - 128).max() <= 2
    for name, nits in (("prediction_nits", 100.0), ("reference_nits", 400.0)):
        assert abs(pixels(found[name])[45, 80].astype(int) - false_colour(np.array([[nits]]))[0, 0]).max() <= 6
    step = 720 * float((pq.inverse_eotf(np.array([400.0])) - pq.inverse_eotf(np.array([100.0])))[0])
    assert abs(pixels(found["difference"])[45, 80].astype(int) - difference_colour(np.array([[step]]))[0, 0]).max() <= 6
    assert pixels(found["prediction"]).mean() < pixels(found["reference"]).mean()


def test_the_worst_content_keeps_to_its_budget_and_its_shape():
    noise = np.random.default_rng(0).random((3, 540, 960), dtype=np.float32)
    for budget in (300_000, 60_000):
        found = frame_pictures(noise, noise, noise[:, ::-1], budget)
        assert sum(len(picture.uri) for picture in found.values()) <= budget
        for picture in found.values():
            assert pixels(picture).shape == (picture.height, picture.width, 3)
            assert picture.height / picture.width == pytest.approx(540 / 960, abs=0.01)


def test_light_is_averaged_before_it_becomes_a_colour():
    checkers = np.indices((540, 1120)).sum(axis=0) % 2
    signal = np.broadcast_to(pq.inverse_eotf(np.where(checkers, 300.0, 100.0)), (3, 540, 1120)).astype(np.float32)
    found = frame_pictures(np.zeros_like(signal), signal, signal, budget=10**6)
    shown = pixels(found["prediction_nits"])[100, 100].astype(int)
    assert abs(shown - false_colour(np.array([[200.0]]))[0, 0]).max() <= 8
