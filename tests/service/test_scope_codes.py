"""The tables of codes in docs/plugin.md that a colourist checks on a scope, against what the effect gives."""

import re
from pathlib import Path

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.service.commands import scope
from lumaflux.service.parameters import OUTPUT_SPACES, parse_parameters
from lumaflux.service.renderer import Renderer
from lumaflux.service.scope_chart import PATCHES, calculated_rows, chart, pipeline_rows, rendered_rows

PAGE = Path(__file__).parents[2] / "docs" / "plugin.md"
NARROW = ("pq-bt2020", "hlg-bt2020", "pq-p3d65")  # shown as 10-bit codes of narrow range; the others as they are


def table():
    """The rows below "Codes to check on a scope": name of the output space -> numbers."""
    text = PAGE.read_text().partition("### Codes to check on a scope")[2].partition("\n## ")[0]
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 3 and re.fullmatch(r"[\d.]+", cells[1]):
            name = re.search(r"`(.+)`", cells[0])
            rows[name[1] if name else cells[0]] = [float(cell) for cell in cells[1:]]
    return rows


@pytest.mark.parametrize("space", OUTPUT_SPACES)
def test_the_page_gives_the_effect_s_codes(space):
    rows = table()
    signal = (np.array(rows["source, 10-bit BT.709"], np.float32) - 64) / 876
    grey = np.repeat(signal[None, :, None], 3, axis=2)
    parameters = parse_parameters({"strength": 0.0, "output_space": space})
    made = Renderer().render_frame(grey, parameters).pixels[0]
    np.testing.assert_allclose(made, made[:, :1].repeat(3, 1), atol=2e-4)  # grey stays grey
    if space in NARROW:
        np.testing.assert_allclose(64 + 876 * made[:, 0], rows[space], atol=0.51)
    else:
        np.testing.assert_allclose(made[:, 0], rows[space], atol=6e-4)


def rows_below(heading, columns):
    """The cells of the first table below a heading, without its head."""
    text = PAGE.read_text().partition(heading)[2].partition("\n|")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert {len(row) for row in rows} == {columns}
    return rows[2:]


def numbers(cells):
    return [float(number) for cell in cells for number in cell.split(",")]


def test_the_page_gives_what_enters_and_leaves_each_pipeline():
    rows = rows_below("### Codes of each pipeline", 7)
    computed = list(pipeline_rows())
    assert len(rows) == 2 * len(computed) == 8
    for (label, *enters), (_, *leaves), (name, given, made) in zip(rows[::2], rows[1::2], computed, strict=True):
        assert (label, enters[0], leaves[0]) == (name, f"in `{given[0]}`", f"out `{made[0]}`")
        for cells, (_, values) in ((enters[1:], given), (leaves[1:], made)):
            tolerance = 0.51 if max(values) > 10 else 6e-4
            np.testing.assert_allclose(numbers(cells), values, atol=tolerance)


def test_the_page_gives_the_patches_of_the_other_expansions():
    rows = {name: numbers(cells) for name, *cells in rows_below("### Beside Resolve", 8)}
    computed = dict(calculated_rows())
    assert list(rows) == list(computed) == list(PATCHES)
    for name, values in computed.items():
        np.testing.assert_allclose(rows[name][:3], values[:3], atol=0.51)
        np.testing.assert_allclose(rows[name][3:7], values[3:], rtol=0.007)
    # What the sources say: 100 cd/m2 become 1000, and up to 50 nothing changes (Resolve); 100 become 1000 (BT.2446-1).
    assert computed["white"][4] == 1000
    assert computed["grey, 18 %"][3] == computed["grey, 18 %"][4]
    assert computed["white"][5] == pytest.approx(1000, rel=1e-3)
    assert computed["white"][6] == pytest.approx(203, rel=1e-4)


@pytest.mark.slow
def test_the_page_gives_the_chart_as_the_effect_renders_it():
    """Within 12 PQ codes: another processor's rounding, and a model that was trained on."""
    rows = {name: numbers(cells) for name, *cells in rows_below("### Beside Resolve", 8)}
    for name, (light, *codes) in rendered_rows():
        np.testing.assert_allclose(rows[name][8:], codes, atol=12)
        assert rows[name][7] == pytest.approx(light, rel=0.12)


def test_the_command_writes_the_chart_and_prints_both_tables(tmp_path, capsys):
    from PIL import Image

    scope(chart=tmp_path / "chart.png", model="tiny")
    picture = np.asarray(Image.open(tmp_path / "chart.png"))
    np.testing.assert_array_equal(picture, chart())
    assert {tuple(colour) for colour in picture.reshape(-1, 3).tolist()} == set(PATCHES.values())
    said = capsys.readouterr().out
    assert "| light skin | 730, 579, 511 |" in said
    assert said.count("\n| ") == 8 + 9
    with pytest.raises(UserError, match=r"chart\.png"):
        scope(chart=tmp_path / "chart.tif")
