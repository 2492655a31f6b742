import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.inference import motion
from lumaflux.inference.motion import warp
from lumaflux.lab.evaluation.metrics.warping_error import WarpingError, occluded

HEIGHT, WIDTH, STEP = 96, 128, 3
needs_opencv = pytest.mark.skipif(not motion.available(), reason="needs OpenCV: pip install 'lumaflux[evaluation]'")


def panning(frames, seed=0):
    """Smooth noise [1,3,H,W] that moves ``STEP`` pixels to the left with every frame."""
    coarse = torch.rand(
        1, 3, HEIGHT // 8, (WIDTH + frames * STEP) // 8 + 1, generator=torch.Generator().manual_seed(seed)
    )
    wide = F.interpolate(coarse, scale_factor=8, mode="bicubic").clamp(0, 1) * 0.6
    return [wide[..., :HEIGHT, STEP * t : STEP * t + WIDTH] for t in range(frames)]


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_warping_moves_a_ramp_by_the_displacement(dx, dy):
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    moved, inside = warp(torch.stack((x, y))[None], torch.stack((torch.full_like(x, dx), torch.full_like(x, dy))))
    expected = torch.stack((x + dx, y + dy))
    assert (moved[0] - expected).abs()[:, inside].max() < 1e-4
    assert inside.sum() == ((x + dx >= 0) & (x + dx <= 29) & (y + dy >= 0) & (y + dy <= 19)).sum()


def test_flows_that_cancel_are_not_occluded():
    back = torch.full((2, 4, 4), 6.0)
    assert not occluded(back, -back).any()
    assert not occluded(back, -back + 0.4).any()
    assert occluded(back, -back + 2).all()


@needs_opencv
def test_flow_of_a_pan():
    first, second = (picture[0].mean(dim=0) for picture in panning(2))
    found = motion.optical_flow(first, second, "FAST")[:, 16:-16, 16:-16]
    assert found[0].median() == pytest.approx(-STEP, abs=0.1)
    assert found[1].median() == pytest.approx(0, abs=0.1)


@needs_opencv
def test_a_pan_costs_next_to_nothing_and_flicker_costs_its_square():
    frames = panning(4)
    still, flickering = WarpingError(), WarpingError()
    for number, frame in enumerate(frames):
        still.add(frame, frame, frame)
        flickering.add(frame + 0.02 * (number % 2), frame, frame)
    same, own, excess = still.scores()
    assert same == own
    assert excess == 0
    assert own < 1e-4
    error, again, excess = flickering.scores()
    assert again == own
    assert error == pytest.approx(3 * 0.02**2, rel=0.1)
    assert excess == error - own


@needs_opencv
def test_without_a_source_the_flow_is_the_references():
    with_source, without = WarpingError(), WarpingError()
    for frame in panning(3):
        with_source.add(frame, frame, frame)
        without.add(frame, frame)
    assert without.scores()[1] == pytest.approx(with_source.scores()[1], rel=0.5)


@needs_opencv
def test_a_single_frame_and_a_picture_too_small_for_flow():
    error = WarpingError()
    frame = panning(1)[0]
    error.add(frame, frame)
    assert error.scores() is None
    tiny = WarpingError()
    for level in (0.25, 0.5):
        tiny.add(torch.full((1, 3, 8, 8), level), torch.full((1, 3, 8, 8), 0.25))
    assert tiny.scores() == pytest.approx((3 * 0.0625, 0, 3 * 0.0625))
