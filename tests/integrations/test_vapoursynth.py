"""The function of VapourSynth inside of VapourSynth itself, where that can be imported: Python 3.12, or a build."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.yuv420_rgb import rgb_from_yuv420
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import UserError

vs = pytest.importorskip("vapoursynth")
ROOT = Path(__file__).parents[2]
FILE = ROOT / "integrations" / "vapoursynth" / "lumaflux_vs.py"
BT709 = (0.2126, 0.7152, 0.0722)


@pytest.fixture(scope="module")
def lumaflux_vs():
    spec = importlib.util.spec_from_file_location("lumaflux_vs", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Placement:
    def render(self, picture, settings, tone=None):
        assert tone is None or tone >= 0
        return np.asarray(sdr_to_pq(picture, settings.reference_white), np.float32)


def clip_of(form, props=None):
    color = [0.5, 0.3, 0.7] if form == vs.RGBS else [120, 90, 160]
    clip = vs.core.std.BlankClip(format=form, width=64, height=48, length=3, color=color, fpsnum=24, fpsden=1)
    return clip.std.SetFrameProps(**(props or {}), Mine=7)


def planes_of(frame):
    return [np.asarray(frame[number]).copy() for number in range(3)]


def test_rgbs_becomes_tagged_pq_in_10_bits(lumaflux_vs):
    made = lumaflux_vs.convert(clip_of(vs.RGBS), model=Placement())
    assert (made.format.id, made.width, made.height, made.num_frames, made.fps) == (vs.YUV420P10, 64, 48, 3, 24)
    frame = made.get_frame(2)
    sdr = np.broadcast_to(np.array([0.5, 0.3, 0.7], np.float32)[:, None, None], (3, 48, 64)).copy()
    wanted = yuv420p10(np.asarray(sdr_to_pq(sdr, 203), np.float32))
    for mine, its in zip(planes_of(frame), wanted, strict=True):
        np.testing.assert_array_equal(mine, its)
    props = dict(frame.props)
    assert (props["_Matrix"], props["_Transfer"], props["_Primaries"], props["_ChromaLocation"]) == (9, 16, 9, 2)
    assert (props.get("_Range", 0), props.get("_ColorRange", 1), props["Mine"]) == (0, 1, 7)
    assert {"_Range", "_ColorRange"} & set(props)  # newer releases keep the first alone, older ones know the second


def test_the_script_of_the_page_runs(lumaflux_vs, monkeypatch):
    page = (ROOT / "docs/vapoursynth.md").read_text()
    (script,) = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    monkeypatch.setitem(sys.modules, "lumaflux_vs", lumaflux_vs)
    names = {"clip": clip_of(vs.RGBS)}
    exec(script, names)
    assert names["hdr"].format.id == vs.YUV420P10
    assert dict(names["hdr"].get_frame(0).props)["_Transfer"] == 16


@pytest.mark.parametrize(
    ("props", "full", "luma"),
    [
        ({}, False, BT709),
        ({"_Matrix": 1, "_ColorRange": 0}, True, BT709),
        ({"_Range": 1}, True, BT709),
        ({"_Matrix": 6}, False, (0.299, 0.587, 0.114)),
    ],
)
def test_yuv420p8_is_read_by_its_properties(lumaflux_vs, props, full, luma):
    made = lumaflux_vs.convert(clip_of(vs.YUV420P8, props), model=Placement()).get_frame(0)
    y, cb, cr = (np.full(shape, code, np.uint8) for shape, code in (((48, 64), 120), ((24, 32), 90), ((24, 32), 160)))
    sdr = rgb_from_yuv420(y, cb, cr, bits=8, full_range=full, luma=luma, siting="left")
    wanted = yuv420p10(np.asarray(sdr_to_pq(sdr, 203), np.float32))
    for mine, its in zip(planes_of(made), wanted, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_tones_are_found_in_one_pass_and_used_by_frame(lumaflux_vs, monkeypatch):
    seen = []

    class Seeing:
        def __init__(self, converter, settings):
            assert isinstance(converter, Placement)

        def see(self, picture):
            seen.append(picture.shape)

        def shots(self):
            return [Shot(1), Shot(2)]

    class Shot:
        def __init__(self, last):
            self.last = last

        def tone_at(self, number):
            asked.append((self.last, number))
            return number

    asked = []
    monkeypatch.setattr("lumaflux.render.analysis.ClipAnalysis", Seeing)
    clip, model = clip_of(vs.RGBS), Placement()
    track = lumaflux_vs.tones(clip, model=model)
    assert seen == [(3, 48, 64)] * 3
    for frame in lumaflux_vs.convert(clip, model=model, track=track).frames(close=True):
        assert frame.format.id == vs.YUV420P10
    assert sorted(asked) == [(1, 0), (1, 1), (2, 2)]


def test_what_it_does_not_take_is_named(lumaflux_vs):
    with pytest.raises(UserError, match="takes RGBS or YUV420P8, not YUV422P8"):
        lumaflux_vs.convert(vs.core.std.BlankClip(format=vs.YUV422P8, width=64, height=48))
    with pytest.raises(UserError, match="63x48 does not"):
        lumaflux_vs.convert(vs.core.std.BlankClip(format=vs.RGBS, width=63, height=48))
    for props, words in (
        ({"_Transfer": 16}, "HDR already"),
        ({"_Primaries": 9}, "convert it to BT.709"),
        ({"_Matrix": 9}, "YUV420P8 of matrix 9"),
    ):
        with pytest.raises(vs.Error, match=words):
            lumaflux_vs.convert(clip_of(vs.YUV420P8, props), model=Placement()).get_frame(0)
    with pytest.raises(vs.Error, match="NaN or infinite"):
        lumaflux_vs.convert(clip_of(vs.RGBS).std.Expr("0 0 /"), model=Placement()).get_frame(0)
    with pytest.raises(UserError, match="peak"):
        lumaflux_vs.convert(clip_of(vs.RGBS), target_peak=1.0)
