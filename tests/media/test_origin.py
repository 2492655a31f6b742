"""What files say of where their pictures come from, and how the codes of an untagged picture are meant."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.origin import camera_of_video, hlg_sibling, kind_of, of_a_sequence
from lumaflux.media.stills.picture import read_still
from lumaflux.render.source import settings_for
from lumaflux.settings import Settings

GREY = Image.fromarray(np.full((8, 8, 3), 128, np.uint8))


def photograph(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model 5"
    GREY.save(path, exif=exif)
    return path


def test_a_camera_names_itself(tmp_path):
    assert probe(photograph(tmp_path / "a.jpg")).camera == "Maker Model 5"
    GREY.save(tmp_path / "b.png")
    assert probe(tmp_path / "b.png").camera is None


def test_containers_name_phones():
    apple = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 15"}
    assert camera_of_video({}, apple) == "Apple iPhone 15"
    assert camera_of_video({"com.android.version": "14"}) == "Android 14"
    assert camera_of_video({"encoder": "Lavf61"}, {}) is None


def test_source_auto_goes_by_the_file_and_a_person_s_word_before_it(tmp_path):
    taken = photograph(tmp_path / "a.jpg")
    told, notes = settings_for(Settings(), probe(taken), taken)
    assert told.source == "camera"
    assert told.camera == 1.0
    assert notes == (f"{taken} is read as camera material, by Maker Model 5; --source says otherwise.",)
    assert settings_for(Settings(source="graded"), probe(taken), taken) == (Settings(source="graded"), ())
    GREY.save(tmp_path / "plain.png")
    assert settings_for(Settings(), probe(tmp_path / "plain.png"), tmp_path / "plain.png") == (Settings(), ())
    assert Settings().camera is None


def test_an_hlg_sibling_says_camera(tmp_path):
    for name in ("walk_sdr.png", "walk_hlg.png", "other.png"):
        GREY.save(tmp_path / name)
    assert hlg_sibling(tmp_path / "walk_sdr.png") == tmp_path / "walk_hlg.png"
    assert hlg_sibling(tmp_path / "other.png") is None
    assert kind_of(probe(tmp_path / "walk_sdr.png")) == ("camera", "walk_hlg.png beside it")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("shot.0001.png", "shot.0002.png"), True),
        (("out001.png", "out002.png"), True),
        (("shot.0001.png",), False),
        (("shot.0001.png", "shot.0003.png"), False),
        (("IMG_0001.png", "IMG_0002.png"), False),
        (("PXL_20240101_01.png", "PXL_20240101_02.png"), False),
        (("castle.png", "tower.png"), False),
    ],
)
def test_which_pictures_are_frames_of_a_sequence(tmp_path, names, found: bool):
    for name in names:
        GREY.save(tmp_path / name)
    assert of_a_sequence(tmp_path / names[0]) is found


def test_an_untagged_frame_of_a_sequence_is_read_as_video(tmp_path):
    for number in (1, 2):
        GREY.save(tmp_path / f"clip.{number:04d}.png")
    GREY.save(tmp_path / "alone.png")
    frame, alone = read_still(tmp_path / "clip.0001.png"), read_still(tmp_path / "alone.png")
    assert (frame.transfer, alone.transfer) == ("bt709", "srgb")
    assert frame.bt1886.max() == pytest.approx(128 / 255)
    np.testing.assert_allclose(alone.bt1886, srgb_to_bt1886(frame.sdr))
    assert alone.notes == ()
    (note,) = frame.notes
    assert "read as video (BT.1886); --input-transfer srgb if not" in note
    asked = read_still(tmp_path / "clip.0001.png", transfer="srgb")
    assert (asked.transfer, asked.notes) == ("srgb", ())
    assert read_still(tmp_path / "alone.png", transfer="bt1886").transfer == "bt709"


def test_photographs_with_numbers_stay_photographs(tmp_path):
    for number in (1, 2):
        photograph(tmp_path / f"holiday{number:02d}.jpg")
    assert read_still(tmp_path / "holiday01.jpg").transfer == "srgb"
