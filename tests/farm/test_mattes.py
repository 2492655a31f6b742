"""Mattes and masks of a job: workers write the one beside their frames, and know the other by its contents."""

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError


@pytest.fixture
def mask(tmp_path):
    def make(name="mask.png", white=255, size=(32, 48)):
        assert oiio.ImageBuf(np.full((*size, 1), white, np.uint8)).write(str(tmp_path / name))
        return tmp_path / name

    return make


def test_frames_have_mattes_and_a_lost_one_is_made_again(render, mask, tmp_path):
    asked = {"of": "0-2", "track": "none", "matte": tmp_path / "m" / "matte.%07d.png", "mask": mask(white=0)}
    assert render(tmp_path / "job", **asked).rendered == [0, 1, 2]
    matte = oiio.ImageBuf(str(tmp_path / "m" / "matte.0000001.png")).get_pixels(oiio.FLOAT)
    assert matte is not None
    assert matte[..., 2].max() == 0  # invention is forbidden everywhere
    assert np.abs(matte.sum(axis=2) - 1).max() < 1e-4
    (tmp_path / "m" / "matte.0000001.png").unlink()
    again = render(tmp_path / "job", **asked)
    assert (again.rendered, again.kept) == ([1], [0, 2])
    with pytest.raises(UserError, match="belongs to another job: its mask is"):
        render(tmp_path / "job", **{**asked, "mask": mask("other.png", white=80)})


@pytest.mark.parametrize(
    ("matte", "said"),
    [("matte.mkv", "name pictures, which workers write"), ("job/m.%07d.png", "lies among the frames of the job")],
)
def test_mattes_that_workers_cannot_write_are_refused(render, tmp_path, matte, said):
    with pytest.raises(UserError, match=said):
        render(tmp_path / "job", of="0", track="none", matte=tmp_path / matte)


def test_a_mask_of_another_size_is_refused(render, mask, tmp_path):
    with pytest.raises(UserError, match="is 8x16, the frames are 48x32 pixels"):
        render(tmp_path / "job", of="0", track="none", mask=mask(size=(16, 8)))
