"""Motion blending on a farm: chunks read their neighbours, and a changed neighbour is noticed."""

import shutil

import numpy as np
import pytest
import torch
from footage import grey_of, pictures, write_picture

from lumaflux.errors import UserError
from lumaflux.farm.encode import read_picture
from lumaflux.farm.job_spec import read_spec, spec_text
from lumaflux.inference.motion import available
from lumaflux.render import Job, convert
from lumaflux.settings import Settings

pytestmark = pytest.mark.skipif(not available(), reason="needs OpenCV: pip install 'lumaflux[motion]'")


@pytest.mark.parametrize("source", ["clip.mp4", "plates/plate.%04d.png"])
def test_chunks_in_any_order_give_the_pictures_of_one_run(render, tmp_path, source):
    numbers = range(12) if source == "clip.mp4" else range(1001, 1013)
    whole = tmp_path / "whole"
    render(whole, source=source, of=f"{numbers[0]}-{numbers[-1]}", motion_blending=1.0)
    parts = tmp_path / "parts"
    for chunk in ([7, 8], [0, 1, 2], [11, 9], [10], [3, 4, 5, 6]):
        text = ",".join(str(numbers[place]) for place in chunk)
        render(parts, text, source=source, of=f"{numbers[0]}-{numbers[-1]}", motion_blending=1.0)
    assert len(pictures(parts)) == 12
    assert pictures(parts) == pictures(whole)
    off = tmp_path / "off"
    render(off, str(numbers[5]), source=source, of=f"{numbers[0]}-{numbers[-1]}")
    name = f"frame.{numbers[5]:07d}.png"
    assert pictures(off)[name] != pictures(whole)[name]


def test_the_farm_gives_the_pixels_of_convert(render, converter, media, tmp_path):
    render(tmp_path / "farm", "4-6", motion_blending=0.5, threads=1)
    track = tmp_path / "farm" / ".lumaflux" / "tone-track.json"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        job = Job(model="tiny", frames="4-6", motion_blending=0.5, track=str(track))
        convert(media / "clip.mp4", tmp_path / "c" / "f.%04d.png", lambda: converter, Settings(), job)
    finally:
        torch.set_num_threads(threads)
    for number in (4, 5, 6):
        made = read_picture(tmp_path / "farm" / f"frame.{number:07d}.png")
        assert np.array_equal(made, read_picture(tmp_path / "c" / f"f.{number:04d}.png"))


def test_a_changed_neighbour_is_noticed(render, media, tmp_path):
    """Of plates 1001 to 1012, five have a share of 1006 in them."""
    folder = tmp_path / "plates"
    shutil.copytree(media / "plates", folder)
    source, frames = folder / "plate.%04d.png", tmp_path / "frames"
    how = {"source": source, "motion_blending": 1.0}
    assert len(render(frames, **how).rendered) == 12
    assert len(render(frames, **how).kept) == 12
    write_picture(folder / "plate.1006.png", grey_of(5) + 1)
    assert render(frames, **how).rendered == [1004, 1005, 1006, 1007, 1008]


def test_another_amount_is_another_job(render, tmp_path):
    render(tmp_path, "3", motion_blending=1.0)
    with pytest.raises(UserError, match=r"motion blending is 1\.0, not 0\.0"):
        render(tmp_path, "3")


def test_orders_carry_it(order, tmp_path):
    made = order(motion_blending=0.25)
    path = tmp_path / "job.json"
    path.write_text(spec_text(made))
    assert read_spec(path, made.source) == made
    assert "motion_blending" not in spec_text(order())


@pytest.mark.parametrize("changes", [{"motion_blending": 2.0}, {"motion_blending": 1.0, "track": "none"}])
def test_what_cannot_be_is_refused(render, tmp_path, changes):
    with pytest.raises(UserError, match=r"motion.blending"):
        render(tmp_path, "3", **changes)
