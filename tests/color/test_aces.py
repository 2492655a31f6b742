import numpy as np
import pytest
import torch

from lumaflux.color import aces
from lumaflux.color.primaries import ACES_AP0, ACES_AP1, BT709, BT2020, rgb_to_rgb

GREYS = {  # cd/m2 -> signal, evaluated once with OpenColorIO 2.6.0
    "1.3": {1: 0.1217, 10: 0.3237, 26: 0.4990, 100: 0.8088, 203: 0.9139, 400: 0.9756, 1000: 1.0},
    "2.0": {1: 0.1307, 10: 0.3325, 26: 0.4732, 100: 0.7108, 203: 0.8282, 400: 0.9193, 1000: 1.0},
}


@pytest.mark.parametrize("version", sorted(GREYS))
def test_greys_land_where_the_configuration_puts_them(version, grey_frame):
    sdr = aces.sdr_from_hdr(grey_frame(list(GREYS[version])), version)
    np.testing.assert_allclose(sdr[:, 0], [list(GREYS[version].values())] * 3, rtol=0, atol=1e-4)


@pytest.mark.parametrize("version", sorted(GREYS))
def test_hdr_comes_back(version, grey_frame):
    levels = np.geomspace(1, 400, 20)
    back = aces.hdr_from_sdr(aces.sdr_from_hdr(grey_frame(levels), version), version)
    np.testing.assert_allclose(back[:, 0], np.stack([levels] * 3), rtol=0.01)


def test_batches_and_both_libraries_give_the_same_pixels(hdr_nits):
    single = hdr_nits.astype(np.float32)
    batch = np.stack([single, single[:, ::-1, ::-1]])
    out = aces.sdr_from_hdr(batch)
    assert out.dtype == np.float32
    assert out.shape == batch.shape
    np.testing.assert_array_equal(out[0], aces.sdr_from_hdr(single))
    np.testing.assert_array_equal(out[1], out[0][:, ::-1, ::-1])
    tensor = aces.sdr_from_hdr(torch.from_numpy(batch))
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor, out, atol=2e-5)


def test_the_input_is_left_alone(hdr_nits):
    before = hdr_nits.astype(np.float32)
    nits = before.copy()
    aces.sdr_from_hdr(nits)
    aces.hdr_from_sdr(nits)
    np.testing.assert_array_equal(nits, before)


def test_an_unknown_version_is_named():
    with pytest.raises(ValueError, match=r"1\.3, 2\.0"):
        aces.sdr_from_hdr(np.ones((3, 1, 1)), "9.9")  # pyright: ignore


@pytest.mark.parametrize(
    ("source", "target", "matrix"),
    [
        ("ACEScg", "Linear Rec.2020", rgb_to_rgb(ACES_AP1, BT2020)),
        ("ACES2065-1", "Linear Rec.2020", rgb_to_rgb(ACES_AP0, BT2020)),
        ("Linear Rec.709 (sRGB)", "ACEScg", rgb_to_rgb(BT709, ACES_AP1)),
    ],
)
def test_our_aces_matrices_are_those_of_the_configuration(source, target, matrix):
    ocio = pytest.importorskip("PyOpenColorIO")
    config = ocio.Config.CreateFromBuiltinConfig("studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    pixels = np.eye(3, dtype=np.float32)
    config.getProcessor(source, target).getDefaultCPUProcessor().applyRGB(pixels)
    np.testing.assert_allclose(pixels.T, matrix, rtol=0, atol=3e-6)
