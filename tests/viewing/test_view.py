import html
import re
import subprocess
import sys

import numpy as np
import OpenImageIO as oiio
import pytest
from lit_pictures import light, write_pq
from PIL import Image

from lumaflux.cli import app
from lumaflux.color.false_colour import SCALE
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.viewing import page
from lumaflux.viewing.shots import shot_views
from lumaflux.viewing.views import in_false_color, viewable, with_legend
from lumaflux.viewing.write import write_view

BT2020_XY = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)


def call(*arguments):
    app([str(each) for each in arguments], exit_on_error=False, print_error=False, result_action="return_value")


def test_sdr_light_is_seen_as_the_source_and_what_lies_above_is_rolled_off():
    shown = viewable(light((0, 20, 80, 203, 400, 1000)), 1000.0)[0, ::11, 0].astype(int)
    plain = [round(255 * (nits / 203) ** (1 / 2.4)) for nits in (0, 20, 80)]
    assert np.abs(shown[:3] - plain).max() <= 1
    assert 190 < shown[3] < shown[4] < shown[5] <= 255
    same = viewable(light((0, 20, 80, 203)), 203.0)[0, ::16, 0]
    assert same[-1] == 255  # nothing to bring in


def test_the_legend_has_the_colors_of_the_picture():
    levels = [level for level, _ in SCALE]
    pixels = with_legend(in_false_color(light(levels, (10, 440))))
    step = 440 / (len(SCALE) + 1)
    for index, (_, color) in enumerate(SCALE):
        assert tuple(pixels[0, 40 * index + 20]) == color
        assert tuple(pixels[-1, round(index * step + step - 3)]) == color


def test_a_page_asks_nobody_and_stays_small(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    noise = np.exp(rng.normal(3, 1.5, (3, 135, 240))).astype(np.float32).clip(0, 1000)
    first, second = write_pq(tmp_path / "a<b>.png", noise), write_pq(tmp_path / "b.png", noise[:, ::-1].copy())
    monkeypatch.setattr(page, "LARGEST_PAGE", 280_000)
    monkeypatch.setattr(page, "_STEPS", ((240, 85), (160, 80), (120, 40)))
    call("view", first, second, "-o", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert len(text.encode()) <= 280_000
    assert "a&lt;b&gt;.png" in text
    assert "a<b>" not in text
    assert not re.findall(r"(?:src|href)=\"(?!data:image/jpeg;base64,)", text)
    assert "default-src 'none'" in html.unescape(text)
    assert text.count("hdr-gain-map") == 0  # it is inside of the pictures, as base64
    with pytest.raises(UserError, match="exists already"):
        write_view(first, None, tmp_path / "page.html")


def test_a_folder_of_pictures(tmp_path, capsys):
    source = write_pq(tmp_path / "in.png", light((203,)))
    call("view", source, "-o", tmp_path / "seen")
    names = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert names == ["chromaticity.png", "false-color.png", "histogram.png", "view.png", "waveform.png"]
    assert "largest R, G or B: 203.0" in capsys.readouterr().out
    assert np.asarray(Image.open(tmp_path / "seen" / "view.png"))[0, 0].tolist() == [230] * 3  # mastered at 1000
    with pytest.raises(UserError, match=r"page \(.html\) or a directory"):
        write_view(source, None, tmp_path / "x.png")


def test_shots_have_their_light_and_a_picture_of_the_middle(hdr_clip, tmp_path):
    views, count = shot_views(DisplayLight(hdr_clip))
    assert count == 2
    assert [(view.light.first, view.light.last, view.frame) for view in views] == [(0, 7, 3), (8, 15, 11)]
    assert views[0].light.max_cll == pytest.approx(50, abs=2)
    assert views[1].light.max_cll == pytest.approx(400, rel=0.05)
    assert views[0].exposure == pytest.approx(np.log2(50 / 26), abs=0.1)
    write_view(hdr_clip, None, tmp_path / "p.html", frame=12)
    text = (tmp_path / "p.html").read_text()
    assert "0–7" in text
    assert "8–15" in text
    with pytest.raises(UserError, match="no frame 99; a clip's frames count from 0"):
        write_view(hdr_clip, None, tmp_path / "q.html", frame=99)
    assert not (tmp_path / "q.html").exists()


def test_what_lies_between_files_is_light(tmp_path, hdr_clip):
    nits = light((0, 26, 203, 900))
    pq_png = DisplayLight(write_pq(tmp_path / "p.png", nits)).frame().nits
    np.testing.assert_allclose(pq_png, nits, rtol=2e-3, atol=1e-3)
    exr = oiio.ImageBuf(np.ascontiguousarray((nits / 100).transpose(1, 2, 0)))
    exr.specmod().attribute("chromaticities", oiio.TypeDesc("float[8]"), BT2020_XY)
    for white in (None, 100.0):
        if white:
            exr.specmod().attribute("whiteLuminance", white)
        assert exr.write(str(tmp_path / "e.exr"))
        scale = (white or 203.0) / 100
        np.testing.assert_allclose(DisplayLight(tmp_path / "e.exr").frame().nits, scale * nits, rtol=2e-3, atol=1e-3)
    Image.new("RGB", (16, 8), "white").save(tmp_path / "s.png")
    sdr = DisplayLight(tmp_path / "s.png")
    assert sdr.is_sdr
    np.testing.assert_allclose(sdr.frame().nits, 203.0, rtol=1e-5)
    assert not DisplayLight(hdr_clip).is_sdr


def test_a_sequence_has_the_numbers_of_its_files(tmp_path):
    for number in (1001, 1002):
        write_pq(tmp_path / f"s.{number}.png", light((number / 10,)))
    source = DisplayLight(tmp_path / "s.%04d.png")
    assert [frame.number for frame in source.frames()] == [1001, 1002]
    assert source.frame(1002).nits[0, 0, 0] == pytest.approx(100.2, rel=2e-3)
    with pytest.raises(UserError, match="its frames are 1001 to 1002"):
        source.frame(3)


@pytest.mark.parametrize("contents", [b"", b"nonsense", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_bad_files_are_named(tmp_path, contents):
    (tmp_path / "bad.png").write_bytes(contents)
    with pytest.raises(UserError, match=r"bad\.png"):
        write_view(tmp_path / "bad.png", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_help_needs_nothing_slow():
    script = "import lumaflux.viewing.commands, sys; print([m for m in ('numpy', 'PIL', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_picture_of_the_page_holds_views_and_scopes(hdr_clip):
    """`python -m lumaflux.viewing.figure`."""
    from lumaflux.viewing import figure
    from lumaflux.viewing.sheet import Sheet

    sheet = Sheet.of(DisplayLight(hdr_clip))
    drawn = np.asarray(figure.figure(sheet))
    view, waves = sheet.view(figure._WIDTH), sheet.scopes["waveform"]
    np.testing.assert_array_equal(drawn[: view.shape[0], : view.shape[1]], view)
    assert drawn.shape[0] > view.shape[0] + waves.shape[0]
