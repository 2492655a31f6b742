"""HEIC, JPEG XL and HLG AVIF: what is written comes back with its tags, and what cannot be tagged is refused."""

import base64

import numpy as np
import pillow_heif
import pytest

from lumaflux.color import hlg, pq
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills import picture_writer
from lumaflux.media.stills.avif import write_avif
from lumaflux.media.stills.heic import write_heic
from lumaflux.media.stills.picture import read_still
from lumaflux.media.stills.picture_writer import HEIC, HEIC_12, HEIC_HLG, JXL, JXL_HLG, PictureOptions, write_picture


def colored(size=(66, 162), top=900.0):
    """A ramp whose lower half has less red."""
    signal = np.linspace(0.1, float(pq.inverse_eotf(np.array([top]))[0]), size[1], dtype=np.float32)
    picture = np.broadcast_to(signal, (3, *size)).copy()
    picture[0, size[0] // 2 :] *= 0.8
    return picture


def written(path, kind, picture, alpha=None):
    if kind.format == "heic":
        return write_heic(path, picture, kind, alpha=alpha)
    return write_picture(path, picture, kind, PictureOptions(), alpha=alpha)


@pytest.mark.parametrize(("kind", "mean", "bits"), [(HEIC, 1.2, 10), (HEIC_12, 0.4, 12), (JXL, 0.4, 16)])
def test_pq_comes_back(tmp_path, kind, mean, bits):
    """``mean``: of the difference, in codes of 10 bits."""
    path = tmp_path / f"a{kind.suffixes[0]}"
    levels = written(path, kind, colored())
    assert levels.max_cll == pytest.approx(900, rel=0.01)
    info = probe(path)
    assert (info.transfer.value, info.primaries.value, info.bit_depth, info.width) == ("pq", "bt2020", bits, 162)
    difference = 1023 * np.abs(read_still(path, allow_hdr=True).sdr - colored())
    assert difference.mean() < mean
    assert np.abs(difference[:, :20].mean()) < mean
    with pytest.raises(UserError, match="HDR"):
        read_still(path)
    with pytest.raises(UserError, match="exists already"):
        written(path, kind, colored())


@pytest.mark.parametrize("kind", [HEIC_HLG, JXL_HLG, picture_writer.AVIF_HLG])
def test_hlg_shows_the_same_light(tmp_path, kind):
    path, picture = tmp_path / f"a{kind.suffixes[0]}", np.broadcast_to(colored()[1], (3, 66, 162)).copy()
    levels = write_avif(path, picture, as_hlg=True) if kind.format == "avif" else written(path, kind, picture)
    assert levels.max_cll == pytest.approx(900, rel=0.02)
    assert probe(path).transfer.value == "hlg"
    shown = DisplayLight(path).frame().nits[1, 10:20, 20:-4].mean(axis=0)
    assert shown == pytest.approx(pq.eotf(picture[1, 10, 20:-4].astype(np.float64)), rel=0.04)
    code = hlg.from_pq(picture.astype(np.float64))[1, 10, 80]
    assert read_still(path, allow_hdr=True).sdr[1, 10, 80] == pytest.approx(code, abs=3 / 1023)


@pytest.mark.parametrize("kind", [HEIC, JXL])
def test_alpha_stays(tmp_path, kind):
    path, alpha = tmp_path / f"a{kind.suffixes[0]}", np.full((66, 162), 0.5, np.float32)
    alpha[:, 80:] = 1
    written(path, kind, colored(), alpha)
    found = read_still(path, allow_hdr=True)
    assert np.abs(found.alpha - alpha)[:, [10, 150]].max() < 0.01
    assert np.abs(found.sdr - colored())[:, 10].mean() < 2 / 1023


def test_white_of_ten_bits_is_white(tmp_path):
    """libheif's codes are shifted up: 1023 is 65472 of 65535."""
    write_heic(tmp_path / "w.heic", np.ones((3, 64, 64), np.float32), HEIC)
    assert read_still(tmp_path / "w.heic", allow_hdr=True).sdr.min() == 1


def test_a_library_that_does_not_tag_is_refused(tmp_path, monkeypatch):
    import OpenImageIO as oiio

    real = oiio.ImageSpec.attribute
    monkeypatch.setattr(
        oiio.ImageSpec, "attribute", lambda spec, name, *rest: name != "CICP" and real(spec, name, *rest)
    )
    with pytest.raises(UserError, match="cannot be tagged as HDR by this OpenImageIO"):
        written(tmp_path / "a.jxl", JXL, colored())
    saved = pillow_heif.HeifFile.save
    plain = {"color_primaries": 1, "transfer_characteristics": 13}
    monkeypatch.setattr(pillow_heif.HeifFile, "save", lambda made, to, **asked: saved(made, to, **{**asked, **plain}))
    with pytest.raises(UserError, match="cannot be tagged as HDR by this pillow-heif"):
        written(tmp_path / "a.heic", HEIC, colored())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [HEIC, JXL])
def test_sizes_and_damage(tmp_path, kind):
    whole = tmp_path / f"odd{kind.suffixes[0]}"
    written(whole, kind, colored((67, 163)))
    assert (probe(whole).width, probe(whole).height) == (163, 67)
    cut = tmp_path / f"cut{kind.suffixes[0]}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"cut\{kind.suffixes[0]} cannot be read"):
        read_still(cut, allow_hdr=True)
    if kind is HEIC:
        with pytest.raises(UserError, match="16 to 16384 pixels a side, not 9x8"):
            written(tmp_path / "s.heic", kind, colored((8, 9)))


TURNED_JXL = (  # by cjxl 0.7 from a PNG file whose Exif orientation is 6; lossless, four colors and noise below 5 codes
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAADdanhsY/8KwS0QUFwSCAIBABwDSxiTjoODCYjoAQhDXIwnFo5hGBqK"
    "wWDUAaA5PYxBEP+CjN6RLjlHcL2yryKwWWIejs4rLZzCgXWoEn+g2gobc33FNCgpXjnIbRm5gT4LY9wJAqT6QOHEN8LXAZw4/nGq"
    "uIgqdtcVN/PbTYYMDg+swtxJVW5eb6kFjzXEzQKAKh/QLHXzTvlfkQ6i6X2P4bAMT201GcTJbGheVKf+7ETyvAkC5oIh52YBEax0"
    "4EfS58KZwjAEdkOtJyUkZEgtDkipDSbbCYEcMg=="
)
ANIMATED_JXL = (  # by imagecodecs 2026.3: three frames
    "/woDBU0AICYIBAEAOABLGIsVgNX8fwAAp0nUIQgEAQA8AEsYixWAHfj/AAAQfqjDAQgEBQA8AEsYixWAXfj/AABSc6hDAg=="
)


def test_a_turned_jpeg_xl_picture_is_upright(tmp_path):
    (tmp_path / "a.jxl").write_bytes(base64.b64decode(TURNED_JXL))
    info, sdr = probe(tmp_path / "a.jxl"), read_still(tmp_path / "a.jxl").sdr
    assert (info.width, info.height, sdr.shape) == (8, 16, (3, 16, 8))
    blue, red, white, green = ((0.04, 0.04, 1), (1, 0.04, 0.04), (0.95, 0.95, 0.95), (0.04, 1, 0.04))
    for corner, color in (((0, 0), blue), ((0, 7), red), ((15, 0), white), ((15, 7), green)):
        assert sdr[:, *corner] == pytest.approx(color, abs=0.03)


def test_an_animation_is_refused(tmp_path):
    """OpenImageIO would give its last frame."""
    (tmp_path / "a.jxl").write_bytes(base64.b64decode(ANIMATED_JXL))
    with pytest.raises(UserError, match="is an animation, of which only the last frame could be read"):
        probe(tmp_path / "a.jxl")
