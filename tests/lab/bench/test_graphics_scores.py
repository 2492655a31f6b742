"""Graphics drawn over pictures: what of them is found, and how it is counted."""

import numpy as np
import pytest
from PIL import Image, ImageFont

from lumaflux.lab.bench.graphics import as_is, main, score, table
from lumaflux.lab.data.drawn_graphics import KINDS, draw_graphics


@pytest.fixture(scope="module")
def fonts(tmp_path_factory):
    """Pillow's own typeface, as a file."""
    path = tmp_path_factory.mktemp("fonts") / "own.ttf"
    typeface = ImageFont.load_default(10)
    assert isinstance(typeface, ImageFont.FreeTypeFont)
    path.write_bytes(typeface.font_bytes)
    return [path]


def plain(height=360):
    """A picture with a slow change of light, and none of graphics."""
    row = np.linspace(40, 120, 480)[None, :, None]
    return Image.fromarray(np.broadcast_to(row, (height, 480, 3)).astype(np.uint8))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_alike_from_the_same_seed(kind, fonts):
    one, again = (draw_graphics(plain(), kind, fonts, 3) for _ in range(2))
    assert np.array_equal(np.asarray(one.picture), np.asarray(again.picture))
    assert one.mask.shape == (360, 480)
    changed = (np.asarray(one.picture) != np.asarray(plain())).any(axis=2)
    assert not (one.mask & ~changed).any()


def test_an_outlined_subtitle_is_found_and_nothing_beside_it(fonts):
    found = score(draw_graphics(plain(), "outlined", fonts, 1))
    assert found.recall >= 0.95
    assert found.wrong == 0
    assert "| all | 1 | 1.00 | 100% | 1.00 |" in table({"all": [found]})


def test_a_picture_as_it_is_shows_none(tmp_path):
    plain().save(tmp_path / "plain.png")
    assert as_is([tmp_path / "plain.png"]) == (0.0, 0.0, [(0.0, "plain.png")])


def test_a_file_that_is_no_picture_is_named(tmp_path, capsys):
    (tmp_path / "note.jpg").write_text("no picture")
    with pytest.raises(SystemExit, match="2"):
        main(["--as-is", str(tmp_path / "note.jpg")])
    assert "note.jpg: not a picture that can be read" in capsys.readouterr().err
