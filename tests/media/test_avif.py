"""AVIF in 10 bits: what is written comes back, tagged, and others' pictures keep their way."""

import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills.avif import deep_avif, write_avif
from lumaflux.media.stills.picture import read_still


def ramp(size=(96, 160), top=1000.0):
    signal = np.linspace(0.1, float(pq.inverse_eotf(np.array([top]))[0]), size[1], dtype=np.float32)
    return np.broadcast_to(signal, (3, *size)).copy()


def test_light_comes_back(tmp_path):
    levels = write_avif(tmp_path / "a.avif", ramp())
    assert levels.max_cll == pytest.approx(1000, rel=0.01)
    info = probe(tmp_path / "a.avif")
    assert (info.transfer.value, info.primaries.value, info.bit_depth) == ("pq", "bt2020", 10)
    assert (info.width, info.height) == (160, 96)
    found = read_still(tmp_path / "a.avif", allow_hdr=True).sdr
    assert np.abs(found - ramp()).max() < 4 / 1023
    assert len(np.unique(np.rint(found[1, 48] * 876))) > 140  # more steps than 8 bits have on this ramp
    nits = DisplayLight(tmp_path / "a.avif").frame().nits
    assert nits[1, 48, -4] == pytest.approx(pq.eotf(ramp()[1, 48, -4:-3].astype(np.float64))[0], rel=0.03)
    with pytest.raises(UserError, match="exists already"):
        write_avif(tmp_path / "a.avif", ramp())


def test_pictures_of_8_bits_are_left_to_pillow(tmp_path):
    Image.new("RGB", (80, 64), (200, 100, 50)).save(tmp_path / "p.avif", quality=95)
    assert deep_avif((tmp_path / "p.avif").read_bytes(), (80, 64), "p") is None
    still = read_still(tmp_path / "p.avif")
    assert (still.info.bit_depth, still.transfer) == (8, "srgb")
    assert np.abs(255 * still.sdr[:, 30, 40] - (200, 100, 50)).max() < 6


def test_odd_sizes_small_ones_and_damage(tmp_path):
    write_avif(tmp_path / "odd.avif", ramp((97, 161)))
    assert (probe(tmp_path / "odd.avif").width, probe(tmp_path / "odd.avif").height) == (162, 98)
    with pytest.raises(UserError, match="too small for AVIF"):
        write_avif(tmp_path / "s.avif", ramp((20, 30)))
    whole = (tmp_path / "odd.avif").read_bytes()
    (tmp_path / "cut.avif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.avif"):
        read_still(tmp_path / "cut.avif", allow_hdr=True)
