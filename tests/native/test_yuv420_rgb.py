import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import yuv420_rgb as color
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA

native = pytest.importorskip("lumaflux_native", reason="installed without a compiler")


def planes(height, width, bits, seed, padding=0):
    rng, dtype = np.random.default_rng(seed), np.uint8 if bits == 8 else np.uint16
    sizes = [(height, width), *[((height + 1) // 2, (width + 1) // 2)] * 2]
    return [rng.integers(0, 2**bits, (h, w + padding)).astype(dtype)[:, :w] for h, w in sizes]


@settings(deadline=None, max_examples=80)
@given(
    height=st.integers(1, 33),
    width=st.integers(1, 33),
    bits=st.sampled_from([8, 10, 12]),
    full_range=st.booleans(),
    luma=st.sampled_from([BT709_LUMA, BT2020_LUMA]),
    siting=st.sampled_from(["left", "topleft"]),
    padding=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_native_agrees_with_its_reference(height, width, bits, full_range, luma, siting, padding, seed):
    given_planes = planes(height, width, bits, seed, padding)
    coding = {"bits": bits, "full_range": full_range, "luma": luma, "siting": siting}
    mine, reference = (
        color.rgb_from_yuv420(*given_planes, **coding),
        color.rgb_from_yuv420_reference(*given_planes, **coding),
    )
    np.testing.assert_allclose(mine, reference, atol=1e-6, rtol=0)


def test_wrong_planes_are_named():
    y, cb, cr = planes(4, 4, 8, 0)
    scales, luma = (219.0, 16.0, 224.0, 128.0), (0.2126, 0.7152, 0.0722)
    with pytest.raises(ValueError, match="ceil"):
        native.rgb_from_yuv420(y, cb[:1], cr, scales, luma, True, 1)
    with pytest.raises(ValueError, match="all planes alike"):
        native.rgb_from_yuv420(y, cb, cr.astype(np.uint16), scales, luma, True, 1)
    with pytest.raises(ValueError, match="all planes alike"):
        native.rgb_from_yuv420(*(p.astype(np.float32) for p in (y, cb, cr)), scales, luma, True, 1)
