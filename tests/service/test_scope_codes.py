"""The table of codes in docs/plugin.md that a colourist checks on a scope, against what the effect gives."""

import re
from pathlib import Path

import numpy as np
import pytest

from lumaflux.service.parameters import OUTPUT_SPACES, parse_parameters
from lumaflux.service.renderer import Renderer

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
