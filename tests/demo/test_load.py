"""Ten visitors at once for five minutes: everybody gets what was asked for, and the server's memory stays flat."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio")


@pytest.mark.soak
def test_ten_users_for_five_minutes(tmp_path):
    from lumaflux.lab.bench.demo_page import demo_page

    small = np.random.default_rng(0).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    Image.fromarray(small).resize((640, 360), Image.Resampling.BICUBIC).save(tmp_path / "in.png")
    found = demo_page([tmp_path / "in.png"], users=10, minutes=5.0)
    print(found)
    assert found["errors"] == []
    assert found["conversions"] >= 10
    assert found["first_page_bytes"] < 2_000_000
    assert found["memory_end_mib"] < 1.1 * found["memory_after_warming_mib"]


def test_the_figures_need_a_file():
    from lumaflux.lab.bench.demo_page import main

    with pytest.raises(SystemExit) as ending:
        main([])
    assert ending.value.code == 2
