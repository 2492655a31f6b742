"""Ultra HDR JPEG: the base is the source to the byte, and readers of the standards find the HDR picture in it."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.gainmap.encoding import encode_gain
from lumaflux.media.gainmap.metadata import metadata_of
from lumaflux.media.gainmap.photograph import read_gain_map_photograph
from lumaflux.media.gainmap.ultra_hdr import write_ultra_hdr
from lumaflux.media.stills.jpeg_pictures import pictures
from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image

EXIF_ORIENTATION = 274


def scene(height=48, width=64, seed=0):
    """BT.1886 SDR, and PQ/BT.2020 that is brighter the brighter it is, up to 1000 nit."""
    rng = np.random.default_rng(seed)
    smooth = np.kron(rng.random((3, height // 16, width // 16)), np.ones((16, 16)))
    sdr = (np.round(255 * smooth) / 255).astype(np.float32)
    linear = np.asarray(bt1886.eotf(sdr, white_nits=1.0))
    nits = 203 * linear * (1 + 3.9 * linear.max(axis=0))
    return sdr, np.asarray(pq.inverse_eotf(apply_matrix(rgb_to_rgb(BT709, BT2020), nits)), np.float32)


def jpeg(sdr, path, **options):
    signal = np.asarray(srgb.inverse_eotf(bt1886.eotf(sdr, white_nits=1.0)))
    codes = (255 * np.moveaxis(signal, 0, -1) + 0.5).astype(np.uint8)
    Image.fromarray(codes).save(path, quality=98, subsampling=0, **options)
    return path


def error(path, hdr_pq):
    found = pq.inverse_eotf(read_gain_map_photograph(path).hdr_nits().clip(0, 10000))
    return np.abs(found - hdr_pq).mean()


def test_a_reader_finds_the_hdr_picture(tmp_path):
    sdr, hdr_pq = scene()
    levels = write_ultra_hdr(tmp_path / "out.jpg", sdr, hdr_pq)
    assert error(tmp_path / "out.jpg", hdr_pq) < 0.004
    assert levels.max_cll == pytest.approx(pq.eotf(hdr_pq).max(), rel=0.01)


def test_the_source_stays_as_it_is(tmp_path):
    sdr, hdr_pq = scene()
    source = jpeg(sdr, tmp_path / "in.jpg")
    write_ultra_hdr(tmp_path / "out.jpg", sdr, hdr_pq, source=source)
    written = (tmp_path / "out.jpg").read_bytes()
    assert has_gain_map(written)
    assert primary_image(written) == source.read_bytes()
    assert error(tmp_path / "out.jpg", hdr_pq) < 0.004
    with Image.open(io.BytesIO(written)) as shown, Image.open(source) as before:
        assert np.array_equal(np.asarray(shown), np.asarray(before))


def test_another_reader_sees_light_above_white(tmp_path):
    oiio = pytest.importorskip("OpenImageIO")
    sdr, hdr_pq = scene()
    write_ultra_hdr(tmp_path / "out.jpg", sdr, hdr_pq)
    buffer = oiio.ImageBuf(str(tmp_path / "out.jpg"))
    if buffer.spec().format != oiio.HALF and buffer.spec().format != oiio.FLOAT:
        pytest.skip("this OpenImageIO does not read gain maps")
    pixels = np.moveaxis(buffer.get_pixels(oiio.FLOAT), -1, 0)[:3]
    assert pixels.max() > 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_photographs_keep_their_turn(tmp_path, orientation):
    sdr, hdr_pq = scene()
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    source = jpeg(sdr, tmp_path / "in.jpg", exif=exif)
    from lumaflux.media.stills.orientation import from_exif

    turned = from_exif(orientation)
    write_ultra_hdr(tmp_path / "out.jpg", turned.apply(sdr), turned.apply(hdr_pq), source=source)
    assert error(tmp_path / "out.jpg", turned.apply(hdr_pq)) < 0.004


def test_both_forms_of_metadata_agree(tmp_path):
    sdr, hdr_pq = scene()
    write_ultra_hdr(tmp_path / "out.jpg", sdr, hdr_pq)
    _, second = pictures((tmp_path / "out.jpg").read_bytes())
    iso = metadata_of(second)
    xmp = metadata_of(second.replace(b"urn:iso:std:iso:ts:21496:-1", b"urn:iso:std:iso:ts:00000:-1"))
    assert iso is not None
    assert xmp is not None
    for name in ("gain_min", "gain_max", "offset_base", "offset_alternate"):
        assert getattr(iso, name) == pytest.approx(getattr(xmp, name), abs=1e-5)
    assert iso.headroom_alternate == pytest.approx(np.log2(1000 / 203), abs=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_a_gain_of_nothing_is_nothing(height, width, seed):
    light = np.random.default_rng(seed).random((3, height, width), dtype=np.float32)
    gain = encode_gain(light, light, 1.0)
    assert np.abs(np.array(gain.low)).max() < 1e-6
    assert (gain.codes == 0).all()


def test_large_maps_have_half_the_size():
    light = np.random.default_rng(0).random((3, 513, 700), dtype=np.float32)
    assert encode_gain(light, 2 * light, 2.0).codes.shape == (3, 256, 350)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="3,H,W"):
        encode_gain(np.zeros((3, 2, 2), np.float32), np.zeros((3, 2, 3), np.float32), 1.0)


def test_a_target_that_exists_is_kept(tmp_path):
    sdr, hdr_pq = scene()
    (tmp_path / "out.jpg").write_text("mine")
    with pytest.raises(UserError):
        write_ultra_hdr(tmp_path / "out.jpg", sdr, hdr_pq)
    assert (tmp_path / "out.jpg").read_text() == "mine"
