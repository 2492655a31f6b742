"""The page in a headless browser: a picture goes in, all that is promised is there, and nothing asks elsewhere."""

import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio")
pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]


class Placement:
    others = ()  # one device

    def render_timed(self, frame, settings, hooks, **rest):
        from lumaflux.color.sdr_to_pq import sdr_to_pq

        return np.asarray(sdr_to_pq(frame, settings.reference_white), np.float32), {}


def test_a_visit(tmp_path):
    from lumaflux.demo.figure import screenshot, served
    from lumaflux.demo.limits import Limits

    Image.fromarray(np.tile(np.arange(160, dtype=np.uint8)[None, :, None], (90, 1, 3))).save(tmp_path / "in.png")
    placement: Any = Placement()
    with served(lambda: placement, Limits()) as (address, folder):
        elsewhere = screenshot(address, tmp_path / "in.png", tmp_path / "page.png")
        assert elsewhere == []
        picture = np.asarray(Image.open(tmp_path / "page.png"))
        assert picture.shape[:2] == (900, 1280)
        assert picture.std() > 10
        assert not list((folder / "visitors").glob("*/*"))  # the browser left
