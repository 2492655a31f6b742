import av
import numpy as np
import pytest

from lumaflux.color import ycbcr
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import LUMA
from lumaflux.media.video.frame_planes import FramePlanes, planar_format

CODE = 1.1 / 255  # the printed codes are rounded: half a code of Y' and half a code of Cr at most


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_printed_codes_of_the_bars_come_back(bars, bars_frame, at_bars, matrix):
    rgb = FramePlanes(matrix, False, "clip").rgb(bars_frame(bars[matrix]))
    assert rgb.shape == (3, 48, 64)
    assert rgb.dtype == np.float32
    np.testing.assert_allclose(at_bars(rgb), bars["rgb"], atol=CODE)


def _codes(rgb: np.ndarray, matrix: str, bits: int, full: bool) -> list:
    ycc = ycbcr.rgb_to_ycbcr(rgb.T[:, None], LUMA[matrix])
    return ycbcr.to_codes(ycc, bits, full)[:, 0].T.astype(int).tolist()


@pytest.mark.parametrize(
    ("pixel_format", "bits", "full"),
    [
        ("yuv420p", 8, True),
        ("yuvj420p", 8, True),
        ("yuv422p", 8, False),
        ("yuv444p", 8, False),
        ("yuv420p10le", 10, False),
        ("yuv422p10le", 10, True),
        ("yuv444p12le", 12, False),
        ("yuv444p16le", 16, False),
    ],
)
@pytest.mark.parametrize("matrix", sorted(LUMA))
def test_every_layout_range_and_matrix(bars, bars_frame, at_bars, pixel_format, bits, full, matrix):
    frame = bars_frame(_codes(bars["rgb"], matrix, bits, full), pixel_format)
    rgb = FramePlanes(matrix, full, "clip").rgb(frame)
    np.testing.assert_allclose(at_bars(rgb), bars["rgb"], atol=1.5 / 2**bits)


@pytest.mark.parametrize("repacked", ["nv12", "yuyv422", "yuva420p", "p010le", "nv16", "yuv440p"])
@pytest.mark.parametrize("full", [False, True])
def test_repacked_layouts_keep_their_codes(bars, bars_frame, at_bars, repacked, full):
    bits = 10 if repacked == "p010le" else 8
    source = bars_frame(_codes(bars["rgb"], "bt709", bits, full), "yuv420p" if bits == 8 else "yuv420p10le")
    frame = source.reformat(format=repacked, src_color_range=2 if full else 1, dst_color_range=2 if full else 1)
    rgb = FramePlanes("bt709", full, "clip").rgb(frame)
    np.testing.assert_allclose(at_bars(rgb), bars["rgb"], atol=1.5 / 2**bits)


@pytest.mark.parametrize(
    ("pixel_format", "dtype"),
    [("rgb24", np.uint8), ("bgra", np.uint8), ("gbrp", np.uint8), ("rgb48le", np.uint16), ("rgba64le", np.uint16)],
)
def test_rgb_frames_are_taken_as_they_are(pixel_format, dtype):
    top = np.iinfo(dtype).max
    rgb = np.random.default_rng(1).integers(0, top, (6, 10, 3), dtype=dtype, endpoint=True)
    channels = {"bgra": [2, 1, 0, 2], "rgba64le": [0, 1, 2, 0]}.get(pixel_format, [0, 1, 2])
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[..., channels]), format=pixel_format)
    out = FramePlanes("rgb", True, "clip").rgb(frame)
    np.testing.assert_allclose(out, np.moveaxis(rgb, -1, 0) / top, atol=1e-6)


@pytest.mark.parametrize(("full", "codes"), [(False, [16, 235]), (True, [0, 255])])
def test_grey_frames_become_three_channels(full, codes):
    frame = av.VideoFrame.from_ndarray(np.full((4, 8), codes[1], np.uint8), format="gray")
    np.testing.assert_allclose(FramePlanes("bt709", full, "clip").rgb(frame), np.ones((3, 4, 8)), atol=1e-7)
    frame = av.VideoFrame.from_ndarray(np.full((4, 8), codes[0], np.uint8), format="gray")
    np.testing.assert_allclose(FramePlanes("bt709", full, "clip").rgb(frame), np.zeros((3, 4, 8)), atol=1e-7)


def test_codes_beyond_the_range_are_clipped(bars_frame):
    rgb = FramePlanes("bt709", False, "clip").rgb(bars_frame([(254, 128, 128), (1, 128, 128)]))
    assert rgb.max() == 1
    assert rgb.min() == 0


def test_chroma_of_ordinary_video_sits_on_even_columns():
    """A horizontal ramp of chroma comes back as the ramp, not half a pixel off."""
    frame = av.VideoFrame(32, 8, "yuv420p")
    for plane, values in zip(frame.planes, (128, 64 + 4 * np.arange(16), 128), strict=True):
        np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] = values
    blue = FramePlanes("bt709", False, "clip").rgb(frame)[2, 4]
    ramp = (128 - 16) / 219 + 1.8556 * (64 + 2 * np.arange(31) - 128) / 224
    inside = (ramp > 0) & (ramp < 1)
    np.testing.assert_allclose(blue[:31][inside], ramp[inside], atol=1e-4)


@pytest.mark.parametrize("size", [(17, 31), (1, 1), (63, 2)])
def test_odd_sizes(size):
    frame = av.VideoFrame(*size, "yuv420p")
    for plane in frame.planes:
        np.frombuffer(plane, np.uint8)[:] = 128
    assert FramePlanes("bt709", False, "clip").rgb(frame).shape == (3, size[1], size[0])


def test_matrices_without_luma_weights_are_refused():
    with pytest.raises(UserError, match=r"^clip is coded with the ycgco matrix, .*BT\.709"):
        FramePlanes("ycgco", False, "clip")


def test_planar_names():
    names = {"nv12": "yuv420p", "p010le": "yuv420p10le", "uyvy422": "yuv422p", "pal8": "gbrp", "x2rgb10le": "gbrp16le"}
    assert {name: planar_format(av.VideoFormat(name)) for name in names} == names
