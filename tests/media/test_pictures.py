"""EXR, DPX, TIFF and PNG pictures: levels of the writers read back, and what the readers repair or refuse."""

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.color import pq
from lumaflux.color.primaries import ACES_AP0, ACES_AP1, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills import picture_writer as pw
from lumaflux.media.stills.picture import read_still

KINDS = {"a.png": pw.PNG, "a.tif": pw.TIFF, "a.dpx": pw.DPX}
LINEAR = {"exr": pw.EXR, "aces": pw.EXR_ACES, "acescg": pw.EXR_ACESCG}
LEVELS = (1.0, 10.0, 100.0, 203.0, 1000.0)


def patches():
    """Grey, primaries and mixes at five levels, and a ramp: PQ [3,6,40]."""
    colours = np.array([(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)])
    light = np.stack([np.repeat(colours, 5, axis=0) * nits for nits in LEVELS]).transpose(2, 0, 1)
    ramp = np.broadcast_to(np.linspace(0, 1000, 40), (3, 1, 40))
    return pq.inverse_eotf(np.concatenate([light, ramp], axis=1)).astype(np.float32)


def pixels_of(path):
    buffer = oiio.ImageBuf(str(path))
    return np.moveaxis(buffer.get_pixels(oiio.FLOAT), -1, 0), buffer.spec()


@pytest.mark.parametrize("name", KINDS)
def test_encoded_levels_come_back_within_one_code(tmp_path, name):
    signal = patches()
    levels = pw.write_picture(tmp_path / name, signal, KINDS[name], pw.PictureOptions())
    back, spec = pixels_of(tmp_path / name)
    largest = 2 ** KINDS[name].bits - 1
    assert np.abs(back * largest - signal * largest).max() <= 0.51
    assert spec.get_int_attribute("oiio:BitsPerSample", 16) == KINDS[name].bits
    assert levels.max_cll_nits == pytest.approx(1000, rel=0.01)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", LINEAR)
def test_linear_light_chromaticities_and_white(tmp_path, name):
    kind, signal = LINEAR[name], patches()
    path = tmp_path / "a.exr"
    levels = pw.write_picture(path, signal, kind, pw.PictureOptions(compression="piz"))
    back, spec = pixels_of(path)
    wanted = pq.eotf(signal.astype(np.float64)) / 203
    if kind.primaries != BT2020:
        wanted = apply_matrix(rgb_to_rgb(BT2020, kind.primaries), wanted)
    np.testing.assert_allclose(back, wanted, rtol=1e-3, atol=1e-4)  # half floats have eleven bits
    assert spec.getattribute("whiteLuminance") == pytest.approx(203)
    p = {"exr": BT2020, "aces": ACES_AP0, "acescg": ACES_AP1}[name]
    xy = (*p.red, *p.green, *p.blue, *p.white)
    np.testing.assert_allclose(spec.getattribute("chromaticities"), xy, atol=1e-6)
    assert spec.get_string_attribute("compression") == "piz"
    assert spec.format == oiio.HALF
    assert levels.max_cll_nits == pytest.approx(1000, rel=2e-3)


def test_aces_container_is_not_compressed(tmp_path):
    pw.write_picture(tmp_path / "a.exr", patches(), pw.EXR_ACES, pw.PictureOptions(compression="none"))
    assert pixels_of(tmp_path / "a.exr")[1].getattribute("acesImageContainerFlag") == 1


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.exr"])
def test_alpha_is_kept(tmp_path, name):
    kind = {**KINDS, "a.exr": pw.EXR}[name]
    signal = np.full((3, 4, 6), 0.5, np.float32)
    alpha = np.linspace(0.2, 1, 24, dtype=np.float32).reshape(4, 6)
    pw.write_picture(tmp_path / name, signal, kind, pw.PictureOptions(), alpha=alpha)
    still = read_still(tmp_path / name, allow_hdr=True)
    np.testing.assert_allclose(still.alpha, alpha, atol=1e-3)
    if name == "a.exr":
        back, _ = pixels_of(tmp_path / name)
        np.testing.assert_allclose(back[0], pq.eotf(np.array(0.5)) / 203 * alpha, rtol=2e-3)
    else:
        np.testing.assert_allclose(still.sdr, signal, atol=1e-3)


def save_exr(path, light, **attributes):
    spec = oiio.ImageSpec(light.shape[2], light.shape[1], light.shape[0], "float")
    for key, value in attributes.items():
        spec.attribute(key, oiio.TypeDesc("float[8]"), value)
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    assert output.open(str(path), spec)
    assert output.write_image(np.ascontiguousarray(np.moveaxis(light, 0, -1)))
    output.close()
    return path


def test_bad_values_of_exr_are_repaired_and_said(tmp_path):
    light = np.full((3, 4, 5), 0.18, np.float32)
    light[0, 0, 0], light[1, 0, 1], light[2, 0, 2], light[:, 1, 1] = np.nan, np.inf, -1, 7
    still = read_still(save_exr(tmp_path / "a.exr", light))
    assert np.isfinite(still.sdr).all()
    assert (still.sdr >= 0).all()
    assert (still.sdr <= 1).all()
    text = " ".join(still.notes)
    assert all(word in text for word in ("1 NaN", "1 infinite", "1 negative", "pixels brighter than white"))
    assert still.sdr[0, 3, 3] == pytest.approx(0.18 ** (1 / 2.4), abs=1e-4)


def test_wide_exr_primaries_are_converted(tmp_path):
    p = ACES_AP0
    light = np.full((3, 4, 5), 0.5, np.float32)
    path = save_exr(tmp_path / "a.exr", light, chromaticities=(*p.red, *p.green, *p.blue, *p.white))
    assert probe(path).primaries.value == "aces-ap0"
    still = read_still(path)  # equal values are white in either: AP0's white is brought to D65
    np.testing.assert_allclose(still.sdr, 0.5 ** (1 / 2.4), atol=2e-3)


def test_dpx_is_video_and_film_densities_are_refused(tmp_path):
    pixels = np.tile(np.linspace(0, 1023, 16).astype(np.uint16)[None, :, None] * 64, (4, 1, 3)).astype(np.uint16)
    for name, transfer in (("video.dpx", "ITU-R 709-4"), ("film.dpx", "Printing density")):
        spec = oiio.ImageSpec(16, 4, 3, "uint16")
        spec.attribute("oiio:BitsPerSample", 10)
        spec.attribute("dpx:Transfer", transfer)
        output = oiio.ImageOutput.create("dpx")
        assert output is not None
        assert output.open(str(tmp_path / name), spec)
        assert output.write_image(pixels)
        output.close()
    still = read_still(tmp_path / "video.dpx")
    assert (still.transfer, still.info.bit_depth) == ("bt709", 10)
    np.testing.assert_allclose(still.sdr[0, 0], np.linspace(0, 1, 16), atol=2e-3)
    with pytest.raises(UserError, match=r"(printing density|logarithmic) transfer"):
        read_still(tmp_path / "film.dpx")


def test_cmyk_and_jpeg_in_tiff(tmp_path):
    from PIL import Image

    grey = np.full((16, 16, 4), 0, np.uint8)
    grey[..., 3] = 127
    Image.fromarray(grey, "CMYK").save(tmp_path / "cmyk.tif")
    cmyk = read_still(tmp_path / "cmyk.tif")
    np.testing.assert_allclose(cmyk.sdr, 128 / 255, atol=0.02)
    Image.fromarray(grey[..., :3] + 90).save(tmp_path / "jpeg.tif", compression="jpeg")
    np.testing.assert_allclose(read_still(tmp_path / "jpeg.tif").sdr, 90 / 255, atol=0.02)
    data = bytearray((tmp_path / "jpeg.tif").read_bytes())
    offset = int.from_bytes(data[4:8], "little")
    for entry in range(int.from_bytes(data[offset : offset + 2], "little")):
        start = offset + 2 + 12 * entry
        if int.from_bytes(data[start : start + 2], "little") == 258:  # BitsPerSample, three values elsewhere
            place = int.from_bytes(data[start + 8 : start + 12], "little")
            data[place : place + 6] = b"\x10\x00" * 3
    (tmp_path / "deep.tif").write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_still(tmp_path / "deep.tif")
    assert "\n" not in str(caught.value)
