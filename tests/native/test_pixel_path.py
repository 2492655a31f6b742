"""The native pixel path agrees with its torch references, in any size and with any number of threads."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.inference.composition import GainGrid, compose, compose_reference
from lumaflux.inference.debanding import deband, deband_reference
from lumaflux.inference.detail import GuidedFilter
from lumaflux.inference.weights import LITE
from lumaflux.model.config import read_config
from lumaflux.model.spline import knots_from_logits
from lumaflux.model.tone_predictor import ToneCurve, TonePredictor, curve_table

native = pytest.importorskip("lumaflux_native", reason="installed without a compiler")


def codes(height, width, seed):
    """8-bit SDR [1,3,H,W]: a smooth ramp, texture in a part, clipped in another."""
    generator = torch.Generator().manual_seed(seed)
    ramp = torch.linspace(0.1, 1.05, width).expand(3, height, width) * torch.rand(3, 1, 1, generator=generator)
    texture = 0.2 * torch.randn(3, height, width, generator=generator) * (torch.arange(height)[:, None] > height // 2)
    return ((255 * (ramp + texture + 0.2 * (seed % 2))).round().clamp(0, 255) / 255)[None]


def placement(seed):
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.eye(3) + 0.05 * torch.randn(1, 3, 3, generator=generator)
    return ToneCurve(
        knots=knots_from_logits(torch.randn(1, 37, generator=generator), 12),
        floor=0.1 * torch.rand(1, generator=generator),
        top=0.5 + 0.2 * torch.rand(1, generator=generator),
        by_channel=torch.rand(1, generator=generator),
        matrix=matrix / matrix.sum(2, keepdim=True),
    )


def light(height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(1, 3, height, width, generator=generator) for _ in range(2)]
    return GainGrid(
        guided=GuidedFilter(slope=0.1 * parts[0], level=0.5 * parts[1]),
        structure=0.5 * torch.randn(1, 3, height, width, generator=generator),
    )


@pytest.fixture(scope="module")
def predictor():
    return TonePredictor(read_config(LITE / "config.json"))


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 99))
def test_debanding_agrees_with_its_reference(height, width, seed):
    sdr = codes(height, width, seed)
    torch.testing.assert_close(deband(sdr), deband_reference(sdr), atol=1e-5, rtol=0)


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    share=st.floats(0.05, 1),
    recovery=st.sampled_from([0.0, 0.4, 1.0]),
    seed=st.integers(0, 99),
)
def test_composition_agrees_with_its_reference(predictor, height, width, share, recovery, seed):
    sdr, placed = codes(height, width, seed), placement(seed)
    reduced = light(max(1, round(share * height)), max(1, round(share * width)), seed)
    with torch.inference_mode():
        mine = compose(sdr, sdr, lambda band: predictor(band, placed), reduced, recovery, placed)
        reference = compose_reference(sdr, sdr, lambda band: predictor(band, placed), reduced, recovery)
    torch.testing.assert_close(mine, reference, atol=3e-4, rtol=0)
    assert (mine - reference).abs().mean() < 1e-5


def test_a_composition_takes_the_memory_of_the_smoothed_codes(predictor):
    sdr, placed, reduced = codes(60, 40, 2), placement(2), light(12, 8, 2)
    smooth = deband(sdr)

    def place(band):
        return predictor(band, placed)

    with torch.inference_mode():
        for way, last in ((compose, [placed]), (compose_reference, [])):
            apart = way(smooth, sdr, place, reduced, 1.0, *last)
            taken = smooth.clone()
            within = way(taken, sdr, place, reduced, 1.0, *last, into_smooth=True)
            assert torch.equal(within, apart)
            assert within.data_ptr() == taken.data_ptr()


def test_threads_make_no_difference():
    sdr = codes(70, 50, 1)[0].numpy()
    one = native.deband(sdr, 1)
    for threads in (2, 3, 64):
        np.testing.assert_array_equal(native.deband(sdr, threads), one)


def test_a_table_holds_the_curve(predictor):
    placed = placement(3)
    grey = torch.linspace(0, 1, 65).expand(1, 3, 1, 65)
    matrixless = ToneCurve(**{**vars(placed), "matrix": torch.eye(3)[None]})
    with torch.inference_mode():
        shown = predictor(grey, matrixless)[0, 0, 0]
    # Black stays black where the curve acts on luminance, whatever the curve's own end.
    torch.testing.assert_close(curve_table(placed, 65)[0, 1:], shown[1:], atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sdr": np.zeros((3, 4, 5), np.float32)}, "smooth and sdr"),
        ({"slope": np.zeros((2, 2, 2), np.float32)}, "slope of the shape"),
        ({"level": np.zeros((3, 2, 3), np.float32)}, "slope and level"),
        ({"curve": np.zeros(1, np.float32)}, "two entries"),
        ({"matrix": np.zeros(4, np.float32)}, "nine"),
        ({"into_smooth": True}, "memory of its own"),  # both are one array here
    ],
)
def test_wrong_shapes_are_named(change, said):
    frame, low = np.zeros((3, 4, 4), np.float32), np.zeros((3, 2, 2), np.float32)
    arguments = {
        "smooth": frame,
        "sdr": frame,
        "curve": np.linspace(0, 1, 5, dtype=np.float32),
        "by_channel": 0.0,
        "matrix": np.eye(3, dtype=np.float32),
        "peak_pq": 0.75,
        "slope": low,
        "level": low,
        "structure": low,
        "recovery": 1.0,
        "threads": 1,
    }
    with pytest.raises(ValueError, match=said):
        native.compose(**{**arguments, **change})
