from fractions import Fraction

import av
import numpy as np
import pytest

from lumaflux.color import hlg, pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import rgb_to_ycbcr, subsample_420, to_codes
from lumaflux.errors import UserError
from lumaflux.lab.data.hdr_video import Sampling, display_light, master_display_light, masters
from lumaflux.lab.data.x264_clip import X264Encoding, write_x264

LEVELS = (1.0, 20.0, 120.0, 560.0, 900.0)  # cd/m2, grey: one frame each
SIZE = 64
TRANSFER = {"pq": 16, "hlg": 18}


def write_grey(path, transfer, bits=10):
    """A lossless x265 video of grey frames, tagged; 4:2:0 BT.2020, limited range."""
    encode = pq.inverse_eotf if transfer == "pq" else hlg.inverse_eotf
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx265", rate=Fraction(25), options={"x265-params": "lossless=1:log-level=none"}
        )
        context = stream.codec_context
        context.width = context.height = SIZE
        context.pix_fmt = "yuv420p10le" if bits == 10 else "yuv420p"
        context.color_primaries, context.color_trc, context.colorspace = 9, TRANSFER[transfer], 9
        context.color_range = 1
        for level in LEVELS:
            signal = encode(np.full((3, SIZE, SIZE), level))
            ycc = rgb_to_ycbcr(signal, BT2020_LUMA)
            chroma = subsample_420(ycc[1:])
            frame = av.VideoFrame(SIZE, SIZE, context.pix_fmt)
            dtype = np.uint16 if bits == 10 else np.uint8
            planes = (to_codes(ycc, bits, False)[0], *to_codes(np.stack([chroma[0], *chroma]), bits, False)[1:])
            for plane, codes in zip(frame.planes, planes, strict=True):
                np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width] = codes.astype(dtype)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_gives_the_display_light(tmp_path, transfer):
    frames = list(display_light(write_grey(tmp_path / "a.mp4", transfer)))
    assert len(frames) == len(LEVELS)
    for frame, level in zip(frames, LEVELS, strict=True):
        assert frame.shape == (3, SIZE, SIZE)
        assert frame.dtype == np.float32
        np.testing.assert_allclose(frame, level, rtol=0.02)  # a 10-bit code is up to 1.6 % of light at 1 cd/m2


def test_masters_are_as_they_are_below_600_nit_and_end_below_1000(tmp_path):
    path = write_grey(tmp_path / "a.mp4", "pq")
    light = [pq.eotf(master).mean() for master in masters(path, within=(32, 32))]
    np.testing.assert_allclose(light[:4], LEVELS[:4], rtol=0.02)
    assert light[4] == pytest.approx(600 + 400 * (1 - np.exp(-300 / 400)), rel=0.01)
    assert pq.eotf(master_display_light(np.full((3, 2, 2), 10000.0, np.float32))).max() <= 1000.0 * (1 + 1e-5)
    assert next(iter(masters(path, within=(32, 32)))).shape == (3, 32, 32)


def test_samples_by_start_count_and_stride(tmp_path):
    path = write_grey(tmp_path / "a.mp4", "pq")

    def levels(**sampling):
        return [round(float(frame.mean())) for frame in display_light(path, Sampling(**sampling))]

    assert levels(start=1, count=2, stride=2) == pytest.approx([20, 560], rel=0.02)
    assert len(levels(start=2)) == 3
    assert len(levels(stride=2)) == 3
    with pytest.raises(UserError, match="has 5 frames, of which number 6 is wanted"):
        levels(start=2, count=3, stride=2)
    with pytest.raises(UserError, match="has 5 frames"):
        levels(start=5)


def test_refuses_what_is_not_hdr(tmp_path):
    sdr = tmp_path / "sdr.mp4"
    write_x264(sdr, [np.zeros((3, 32, 32), np.uint8)] * 2, X264Encoding(crf=23, frame_rate=Fraction(25)))
    with pytest.raises(UserError, match="is not HDR: its transfer is bt709"):
        next(iter(masters(sdr)))
    with pytest.raises(UserError, match="8 bits"):
        next(iter(masters(write_grey(tmp_path / "eight.mp4", "hlg", bits=8))))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="truncated, damaged"):
        next(iter(masters(tmp_path / "text.mp4")))


@pytest.mark.parametrize("wrong", [{"start": -1}, {"stride": 0}, {"count": 0}])
def test_sampling_is_checked(wrong):
    with pytest.raises(ValueError, match="sampled"):
        Sampling(**wrong)
