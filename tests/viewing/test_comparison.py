import json
import math

import numpy as np
import pytest
from lit_pictures import light, write_pq
from PIL import Image

from lumaflux.color import ictcp, pq
from lumaflux.errors import UserError
from lumaflux.viewing.comparison import compare
from lumaflux.viewing.write import comparison_text, write_map


def test_equal_pictures_differ_by_nothing(tmp_path):
    path = write_pq(tmp_path / "a.png", light((1, 100, 700)))
    found = compare(path, path)
    assert (found.frames, found.mean, found.percentile(95)) == (1, 0, 0)
    assert math.isinf(found.psnr)
    assert "equal pictures" in comparison_text(found)
    assert json.loads(comparison_text(found, as_json=True))["pq_psnr"] is None


def test_figures_are_those_of_the_formulas(tmp_path):
    one, other = light((100, 100)), light((100, 120))
    a, b = write_pq(tmp_path / "a.png", one), write_pq(tmp_path / "b.png", other)
    found = compare(a, b)
    expected = float(ictcp.delta_e_itp(one, other).max())
    assert found.mean == pytest.approx(expected / 2, rel=0.01)
    assert found.percentile(95) == pytest.approx(expected, abs=0.05)
    step = float(pq.inverse_eotf(np.array([120.0]))[0] - pq.inverse_eotf(np.array([100.0]))[0])
    assert found.psnr == pytest.approx(-10 * math.log10(step**2 / 2), abs=0.02)
    write_map(found, tmp_path / "map.png")
    pixels = np.asarray(Image.open(tmp_path / "map.png"))
    assert pixels.shape == (36 + 22, 64, 3)
    assert pixels[0, 0].sum() < pixels[0, -1].sum()
    with pytest.raises(UserError, match=r"is a \.png"):
        write_map(found, tmp_path / "map.jpg")


def test_the_worst_frame_of_clips_is_named(tmp_path):
    for number in range(3):
        write_pq(tmp_path / f"a.{number}.png", light((100,)))
        write_pq(tmp_path / f"b.{number}.png", light((100 + 30 * (number == 1),)))
    first, second = tmp_path / "a.%d.png", tmp_path / "b.%d.png"
    found = compare(first, second)
    assert (found.frames, found.worst) == (3, 1)
    assert found.mean == pytest.approx(found.worst_mean / 3, rel=1e-6)
    assert compare(first, second, limit=1).mean == 0
    assert compare(first, second, frame=1).mean == pytest.approx(found.worst_mean)
    (tmp_path / "b.2.png").unlink()
    assert "ends first; the 2 frames" in compare(first, second).notes[0]


def test_other_sizes_are_refused_and_sdr_is_said(tmp_path, hdr_clip):
    a = write_pq(tmp_path / "a.png", light((100,)))
    with pytest.raises(UserError, match="64x48"):
        compare(a, hdr_clip)
    Image.new("RGB", (64, 36), "white").save(tmp_path / "sdr.png")
    found = compare(tmp_path / "sdr.png", a)
    assert "is SDR; its white is taken as 203" in found.notes[0]
    with pytest.raises(UserError, match="the limit is 0"):
        compare(a, a, limit=0)
