"""Levels, tags and streams of every writer, read back from the files."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lumaflux.color import hlg, pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import from_codes, upsample_420, ycbcr_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.output_profiles import HLG_VIDEOS, OUTPUT_PROFILES, output_profile, video_encoding
from lumaflux.media.video.writer import VideoWriter

SIZE = (128, 96)
LEVELS = (1.0, 10.0, 100.0, 203.0, 1000.0)
VIDEO = {
    "hdr10": ".mp4",
    "hdr10-av1": ".mkv",
    "hlg": ".mov",
    "prores": ".mov",
    "prores-hq": ".mov",
    "prores-hlg": ".mov",
    "ffv1": ".mkv",
}
CODECS = {"hdr10": "hevc", "hdr10-av1": "av1", "hlg": "hevc", "ffv1": "ffv1"}  # and ProRes


def bars(nits):
    """Eight bars of BT.2020 primaries and their mixes at ``nits``, 16 columns each: PQ [3,96,128]."""
    colours = np.array([(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)])
    light = np.repeat(colours.T[:, None], SIZE[1], axis=1).repeat(16, axis=2) * nits
    return pq.inverse_eotf(light).astype(np.float32)


def ramp():
    grey = np.linspace(0, pq.inverse_eotf(np.array(1000.0)), 16, dtype=np.float32)
    return np.broadcast_to(np.repeat(grey, 8), (3, SIZE[1], SIZE[0])).copy()


def write(path, name, frames, *, lossless=True, **options):
    _, made = output_profile(name, path)
    encoding = video_encoding(made, SIZE, Fraction(1, 24000), Fraction(24), Fraction(1), container_display(1000))
    if lossless and name in ("hdr10", "hlg", "hdr10-av1"):
        encoding = type(encoding)(**{**vars(encoding), "lossless": True})
    with VideoWriter(path, SIZE, encoding, **options) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number * 1000, 1000)
    return writer


def decoded(path):
    """Codes of every frame, as Y', Cb, Cr planes."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            planes = [np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, : p.width] for p in frame.planes]
            bits = frame.format.components[0].bits
            yield [plane.astype(np.float32) / 2 ** (bits - 10) for plane in planes[:3]]


def middles(plane, count):
    height, width = plane.shape
    step = width // count
    return plane[height // 2, step // 2 :: step][:count]


@pytest.mark.parametrize("name", VIDEO)
def test_bars_ramps_and_primaries_come_back_within_one_code(tmp_path, name):
    path = tmp_path / f"out{VIDEO[name]}"
    frames = [*(bars(nits) for nits in LEVELS), ramp()]
    write(path, name, frames)
    for frame, planes in zip(frames, decoded(path), strict=True):
        count = 16 if frame is frames[-1] else 8
        wanted = frame[:, SIZE[1] // 2, (SIZE[0] // count) // 2 :: SIZE[0] // count].astype(np.float64)
        if name.endswith("hlg"):
            wanted = hlg.inverse_eotf(pq.eotf(wanted)[:, None])[:, 0]
        r, g, b = wanted
        luma = 0.2627 * r + 0.6780 * g + 0.0593 * b
        meant = (64 + 876 * luma, 512 + 896 * (b - luma) / 1.8814, 512 + 896 * (r - luma) / 1.4746)
        for plane, codes in zip(planes, meant, strict=True):
            assert np.abs(middles(plane, count) - codes).max() <= 1.0


@pytest.mark.parametrize("name", VIDEO)
def test_tags(tmp_path, name):
    path = tmp_path / f"out{VIDEO[name]}"
    writer = write(path, name, [bars(400), bars(203)])
    info = probe(path)
    assert info.codec in (CODECS.get(name, "prores"), "libdav1d")
    assert info.bit_depth >= 10
    colours = (info.range, info.matrix, info.primaries, info.transfer)
    assert [tag.value for tag in colours[1:]] == ["bt2020nc", "bt2020", "hlg" if name.endswith("hlg") else "pq"]
    assert info.range.value == "limited"
    assert {tag.source for tag in colours[1:]} == {"tagged"}
    if name.endswith("hlg"):
        assert info.mastering_display is None
        assert info.content_light is None
    else:
        assert info.mastering_display is not None
        assert info.mastering_display.max_nits == pytest.approx(1000)
        assert (info.max_cll, info.max_fall) == (writer.levels.max_cll, writer.levels.max_fall)
    if name.startswith("hdr10"):
        assert b"\x01\xff\xff\xff\xff" not in path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_hlg_shows_the_light_that_was_meant(tmp_path):
    """White of 1, 203 and 1000 cd/m2 on a 1000 cd/m2 display: HLG signals by the reference formulas of BT.2100."""
    path = tmp_path / "out.mp4"
    flat = [np.full((3, SIZE[1], SIZE[0]), pq.inverse_eotf(np.array(nits)), np.float32) for nits in (1, 203, 1000)]
    writer = write(path, "hlg", flat)
    signals = [(float(planes[0][40, 40]) - 64) / 876 for planes in decoded(path)]
    scene = [(nits / 1000) ** (1 / 1.2) for nits in (1, 203, 1000)]
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    wanted = [np.sqrt(3 * e) if e <= 1 / 12 else a * np.log(12 * e - b) + c for e in scene]
    np.testing.assert_allclose(signals, wanted, atol=0.6 / 876)
    assert signals[1] == pytest.approx(0.75, abs=0.002)  # BT.2408: reference white of 203 cd/m2 lies at 75 % HLG
    assert writer.levels.max_cll_nits == pytest.approx(1000, rel=0.01)


def test_prores_4444_keeps_alpha(tmp_path):
    path = tmp_path / "out.mov"
    alpha = np.zeros((SIZE[1], SIZE[0]), np.float32)
    alpha[:, 64:] = 1
    alpha[:48, :64] = 0.5
    _, made = output_profile("prores", path)
    encoding = video_encoding(made, SIZE, Fraction(1, 24), Fraction(24), Fraction(1), container_display(1000))
    with VideoWriter(path, SIZE, encoding) as writer:
        writer.write(bars(203), 0, 1, alpha=alpha)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    plane = frame.planes[3]
    codes = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]
    largest = 2 ** frame.format.components[3].bits - 1
    np.testing.assert_allclose(codes / largest, alpha, atol=1 / 1023)


@pytest.mark.parametrize("name", ["hdr10-av1", "hdr10"])
def test_odd_sizes(tmp_path, name):
    path = tmp_path / "out.mkv"
    _, made = output_profile(name, path)
    encoding = video_encoding(made, (65, 67), Fraction(1, 24), Fraction(24), Fraction(1), container_display(1000))
    with VideoWriter(path, (65, 67), encoding) as writer:
        writer.write(np.full((3, 67, 65), 0.5, np.float32), 0, 1)
    assert (probe(path).width, probe(path).height) == (66, 68)


def test_deliveries_are_known_by_suffix_and_by_name(tmp_path):
    assert output_profile(None, tmp_path / "a.MOV")[0] == "hdr10"
    assert output_profile(None, tmp_path / "a.exr")[0] == "exr"
    assert output_profile("prores", tmp_path / "a.mov")[0] == "prores"
    with pytest.raises(UserError, match=r"prores is written as \.mov or \.mkv"):
        output_profile("prores", tmp_path / "a.mp4")
    with pytest.raises(UserError, match="unknown delivery"):
        output_profile("vhs", tmp_path / "a.mp4")
    with pytest.raises(UserError, match="name such a target"):
        output_profile(None, tmp_path / "a.gif")
    assert all(made.suffixes for made in OUTPUT_PROFILES.values())


def test_decoded_planes_give_the_light_back(tmp_path):
    """4:2:2 and 4:4:4 signals as a display makes them, in the middle of a bar."""
    for name in ("prores-hq", "ffv1"):
        path = tmp_path / f"{name}{VIDEO[name]}"
        write(path, name, [bars(203)])
        (planes,) = decoded(path)
        luma, *chroma = planes
        if chroma[0].shape != luma.shape:
            chroma = [upsample_420(plane, "topleft", (2 * SIZE[1], SIZE[0]))[::2] for plane in chroma]
        signal = ycbcr_to_rgb(from_codes(np.stack([luma, *chroma]), 10, False), BT2020_LUMA)
        nits = pq.eotf(signal.clip(0, 1))[:, 48, 8::16]
        np.testing.assert_allclose(nits[0], [203, 203, 0, 0, 203, 203, 0, 0], atol=4)


def test_profiles_say_what_their_encodings_tag():
    tags = {"pq": 16, "hlg": 18, "bt709": 1}  # ITU-T H.273, table 3
    made = {name: each for name, each in OUTPUT_PROFILES.items() if each.encoding is not None}
    assert {name: tags[each.transfer] for name, each in made.items()} == {
        name: each.encoding().transfer for name, each in made.items()
    }
    assert set(HLG_VIDEOS) == {"hlg", "prores-hlg"}
