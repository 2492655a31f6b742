"""Motion: a known translation is found, what is hidden is not believed, and any size of picture is sound."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_pictures import HEIGHT, MARGIN, WIDTH, moved, needs_opencv, texture

from lumaflux.errors import MissingExtraError
from lumaflux.inference import motion as module
from lumaflux.inference.motion import motion, optical_flow


@needs_opencv
@given(dx=st.floats(-6, 6), dy=st.floats(-6, 6), seed=st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_a_translation_is_found(dx, dy, seed):
    wide = texture(seed, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    found, back = motion(moved(wide, 0, 0), moved(wide, dx, dy))
    again, _ = motion(moved(wide, dx, dy), moved(wide, 0, 0))
    assert torch.equal(again.displacement, back.displacement)
    assert torch.equal(again.confidence, back.confidence)
    inner = (slice(12, -12), slice(12, -12))
    error = (found.displacement - torch.tensor([dx, dy]).view(2, 1, 1)).norm(dim=0)[inner]
    assert error.mean() < 0.15
    assert error.quantile(0.95) < 0.3
    assert found.confidence[inner].mean() > 0.8
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1


@needs_opencv
def test_nothing_moves_in_a_still():
    frame = texture(0)
    found, _ = motion(frame, frame)
    assert found.displacement.abs().max() == 0
    assert (found.confidence > 0.999).all()


@needs_opencv
def test_the_edge_of_the_picture_is_believed_where_it_stays():
    """Under a slow pan along the edge: a flow that errs by a hundredth of a pixel loses no edge."""
    wide = texture(16, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    found, _ = motion(moved(wide, 0, 0), moved(wide, 1.5, 0))
    assert found.confidence[[0, -1], 20:-20].mean() > 0.7


@needs_opencv
def test_what_leaves_the_picture_is_not_believed():
    wide = texture(1, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    found, _ = motion(moved(wide, 0, 0), moved(wide, -8, 0))
    assert found.confidence[:, :6].max() == 0
    assert found.confidence[20:-20, 16:-20].mean() > 0.8


@needs_opencv
def test_what_is_hidden_is_not_believed():
    """A square moves right by 8 pixels over a still wall: what it covers next is seen here, and not there."""
    wall, patch = texture(2), texture(3, 40, 40)
    here, there = wall.clone(), wall.clone()
    here[..., 28:68, 50:90] = patch
    there[..., 28:68, 58:98] = patch
    found, _ = motion(here, there)
    hidden = found.confidence[30:66, 91:97]
    assert hidden.mean() < 0.2
    assert found.confidence[36:60, 58:82].mean() > 0.9  # the square itself
    assert found.displacement[0, 36:60, 58:82].mean() == pytest.approx(8, abs=0.2)
    assert found.confidence[:, 120:].mean() > 0.95  # the wall


@needs_opencv
def test_another_picture_is_not_believed():
    assert motion(texture(4), texture(5))[0].confidence.mean() < 0.1


@needs_opencv
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (11, 200), (15, 1000), (24, 3000), (200, 12)])
@pytest.mark.parametrize("preset", ["FAST", "MEDIUM"])
def test_narrow_pictures_have_a_flow_too(size, preset):
    luma = torch.rand(size, generator=torch.Generator().manual_seed(0))
    found = optical_flow(luma, luma.roll(1, -1), preset)
    assert found.shape == (2, *size)
    assert torch.isfinite(found).all()


@needs_opencv
def test_the_number_of_threads_changes_nothing():
    import cv2

    luma, other = texture(6)[0, 0], texture(6)[0, 0].roll(3, -1)
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.append(optical_flow(luma, other))
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_without_opencv_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(module, "_cv2", lambda: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lumaflux\[motion\]'"):
        motion(texture(0), texture(0))
