"""Pairs for a look: found, shifted, cropped to what both show, and refused where they show different pictures."""

import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import find_pairs, read_pairs
from lumaflux.media.alignment import Box, matched, offset_of, rank_correlation
from lumaflux.media.stills.picture_writer import PNG, PictureOptions, write_picture


def picture(seed, size=(64, 96)):
    """Soft blobs, SDR codes [3,H,W]."""
    rng = np.random.default_rng(seed)
    small = rng.random((3, 6, 8)).astype(np.float32)
    planes = [np.asarray(Image.fromarray(p).resize(size[::-1], Image.Resampling.BICUBIC)) for p in small]
    return np.stack(planes).clip(0, 1)


def write_sdr(path, codes):
    pixels = (np.moveaxis(codes, 0, -1) * 255).round().astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


def write_hdr(path, codes, stops=1.0):
    nits = pq.eotf(np.asarray(sdr_to_pq(srgb_to_bt1886(codes)))) * 2.0**stops
    write_picture(path, np.asarray(pq.inverse_eotf(nits), np.float32), PNG, PictureOptions(overwrite=True))
    return path


def test_a_pair_of_pictures_becomes_codes_and_light(tmp_path):
    codes = picture(0)
    name, sdr, hdr = find_pairs([f"{write_sdr(tmp_path / 'a.png', codes)}={write_hdr(tmp_path / 'b.png', codes)}"])[0]
    (pair,) = read_pairs(name, sdr, hdr)
    assert pair.sdr.shape == pair.hdr.shape == (1, 3, 96, 96)
    assert pair.match > 0.98
    ratio = pq.eotf(pair.hdr) / pq.eotf(np.asarray(sdr_to_pq(pair.sdr)))
    bright = pair.sdr.min(axis=1, keepdims=True).repeat(3, axis=1) > 0.3
    assert float(np.median(ratio[bright])) == pytest.approx(2.0, rel=0.05)


def test_sides_that_differ_are_named_with_how_much(tmp_path):
    sdr, hdr = write_sdr(tmp_path / "a.png", picture(0)), write_hdr(tmp_path / "b.png", picture(1))
    with pytest.raises(
        UserError, match=r"shot: SDR and HDR show different pictures \(luminance correlates by -?0\.\d\d"
    ):
        read_pairs("shot", sdr, hdr)
    with pytest.raises(UserError, match=r"a\.png is SDR; the HDR side of a pair is PQ"):
        read_pairs("shot", sdr, sdr)


def test_folders_pair_by_stem_and_name_what_is_alone(tmp_path):
    for side in ("sdr", "hdr"):
        (tmp_path / side).mkdir()
    write_sdr(tmp_path / "sdr" / "one.png", picture(0))
    write_hdr(tmp_path / "hdr" / "one.png", picture(0))
    assert find_pairs([str(tmp_path)]) == [("one", tmp_path / "sdr" / "one.png", tmp_path / "hdr" / "one.png")]
    write_sdr(tmp_path / "sdr" / "two.png", picture(1))
    with pytest.raises(UserError, match="has two on one side only"):
        find_pairs([str(tmp_path)])
    with pytest.raises(UserError, match="names no pair; write SDR=HDR"):
        find_pairs([str(tmp_path / "film.mov")])


@pytest.mark.parametrize("shift", [-3, 0, 5])
def test_the_shift_in_time_is_found_through_a_curve(shift):
    first = [picture(number)[1] for number in range(20)]
    second = [
        plane**0.4 for plane in (first[shift:] if shift > 0 else [picture(50 + n)[1] for n in range(-shift)] + first)
    ]
    assert offset_of(first, second) == -shift


def test_bars_and_another_shape_are_cut_away():
    whole = picture(3, (90, 160))[1]
    barred = np.zeros((120, 160), np.float32)
    barred[15:105] = 0.2 + 0.8 * whole
    found = matched(barred, whole**2)
    assert found.correlation > 0.98
    assert found.first == Box(0.0, 0.125, 1.0, 0.75)
    assert found.second == Box()
    narrowed = matched(whole[:, 20:140], whole**2)  # cut around the middle of the wider one's height by its shape
    assert narrowed.correlation >= rank_correlation(whole[:, 20:140], whole**2)
