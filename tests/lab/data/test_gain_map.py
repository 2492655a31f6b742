import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq, srgb
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.lab.data.gain_map import pair_of
from lumaflux.media.gainmap.metadata import GainMapMetadata, metadata_of
from lumaflux.media.gainmap.photograph import apply_gain, read_gain_map_photograph

MIN, MAX, GAMMA, OFFSET_SDR, OFFSET_HDR = 0.5, 2.0, 1.25, 1 / 64, 1 / 32
FLAT = (150, 150, 150)


def jpeg(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=100, subsampling=0)
    return file.getvalue()


def with_segment(data, marker, payload):
    return data[:2] + bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload + data[2:]


def xmp(attributes, body=""):
    pairs = " ".join(f'hdrgm:{name}="{value}"' for name, value in attributes.items())
    return (
        b"http://ns.adobe.com/xap/1.0/\0"
        + (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" {pairs}>{body}</rdf:Description>'
            "</rdf:RDF></x:xmpmeta>"
        ).encode()
    )


ADOBE = {
    "Version": "1.0",
    "GainMapMin": MIN,
    "GainMapMax": MAX,
    "Gamma": GAMMA,
    "OffsetSDR": OFFSET_SDR,
    "OffsetHDR": OFFSET_HDR,
    "HDRCapacityMax": MAX,
}


def iso(flags=1 << 6, channels=1, common=None):
    def number(value, signed):
        denominator = common or 6400
        numerator = round(value * denominator)
        return struct.pack(">i" if signed else ">I", numerator) + (b"" if common else struct.pack(">I", denominator))

    channel = b"".join(
        number(value, signed) for value, signed in ((MIN, 1), (MAX, 1), (GAMMA, 0), (OFFSET_SDR, 1), (OFFSET_HDR, 1))
    )
    head = struct.pack(">HHB", 0, 0, flags) + (struct.pack(">I", common) if common else b"")
    return b"urn:iso:std:iso:ts:21496:-1\0" + head + number(0, 0) + number(MAX, 0) + channel * channels


def photograph(path, gain_segment, levels=(0, 255), size=(64, 48), order=">"):
    """A flat SDR picture; its map is ``levels`` in two halves at half the size."""
    gain = np.zeros((size[1] // 2, size[0] // 2), np.uint8)
    gain[:, : size[0] // 4], gain[:, size[0] // 4 :] = levels
    second = with_segment(jpeg(gain), *gain_segment)
    base = with_segment(jpeg(np.full((size[1], size[0], 3), FLAT, np.uint8)), 0xE1, xmp({"Version": "1.0"}))

    def index(first_size, offset):
        entries = struct.pack(f"{order}III4xIII4x", 0x30000, first_size, 0, 0, len(second), offset)
        fields = [(0xB000, 7, 4, int.from_bytes(b"0100", "big" if order == ">" else "little")), (0xB001, 4, 1, 2)]
        fields.append((0xB002, 7, len(entries), 8 + 2 + 12 * 3 + 4))
        body = struct.pack(f"{order}H", 3) + b"".join(struct.pack(f"{order}HHII", *field) for field in fields)
        start = b"MM\0*" if order == ">" else b"II*\0"
        return b"MPF\0" + start + struct.pack(f"{order}I", 8) + body + bytes(4) + entries

    whole = with_segment(base, 0xE2, index(0, 0))
    tiff = 2 + 4 + len(b"MPF\0")  # the index comes first: its offsets count from its byte order mark
    whole = with_segment(base, 0xE2, index(len(whole), len(whole) - tiff))
    path.write_bytes(whole + second)
    return path


def expected(level):
    base = float(srgb.eotf(np.array(FLAT[0] / 255)))
    stops = MIN + (MAX - MIN) * (level / 255) ** (1 / GAMMA)
    return 203 * ((base + OFFSET_SDR) * 2**stops - OFFSET_HDR)


@pytest.mark.parametrize(
    "segment",
    [
        (0xE1, xmp(ADOBE)),
        (0xE2, iso()),
        (0xE2, iso(1 << 6 | 1 << 7, channels=3)),
        (0xE2, iso(1 << 6 | 1 << 3, common=6400)),
    ],
    ids=["xmp", "iso", "iso-three-channels", "iso-common-denominator"],
)
@pytest.mark.parametrize("order", [">", "<"], ids=["big-endian", "little-endian"])
def test_hdr_is_the_formula(tmp_path, segment, order):
    photo = read_gain_map_photograph(photograph(tmp_path / "a.jpg", segment, levels=(0, 255), order=order))
    nits = photo.hdr_nits()
    assert nits.shape == (3, 48, 64)
    np.testing.assert_allclose(nits[:, :, :24], expected(0), rtol=0.01)  # grey: BT.709 and BT.2020 agree
    np.testing.assert_allclose(nits[:, :, 40:], expected(255), rtol=0.01)
    np.testing.assert_allclose(photo.sdr_linear(), srgb.eotf(np.array(FLAT[0] / 255)), rtol=0.01)


def test_pair_is_reduced_mastered_and_holds_white_at_203(tmp_path):
    photo = read_gain_map_photograph(photograph(tmp_path / "a.jpg", (0xE1, xmp(ADOBE)), levels=(255, 255)))
    sdr, hdr_pq = pair_of(photo, (32, 32))
    assert sdr.shape == hdr_pq.shape == (3, 24, 32)
    np.testing.assert_allclose(sdr, FLAT[0] / 255, atol=0.005)
    np.testing.assert_allclose(pq.eotf(hdr_pq), expected(255), rtol=0.01)


def test_values_a_channel_are_read_from_a_sequence(tmp_path):
    body = (
        "<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2</rdf:li><rdf:li>3</rdf:li></rdf:Seq></hdrgm:GainMapMax>"
    )
    picture = with_segment(jpeg(np.zeros((8, 8), np.uint8)), 0xE1, xmp({"Version": "1.0"}, body))
    found = metadata_of(picture)
    assert found is not None
    assert found.gain_max == (1.0, 2.0, 3.0)
    assert (found.gain_min, found.gamma, found.offset_base) == ((0.0,) * 3, (1.0,) * 3, (1 / 64,) * 3)


def test_no_gain_gives_the_sdr_light():
    metadata = GainMapMetadata(
        gain_min=(0, 0, 0),
        gain_max=(0, 0, 0),
        gamma=(1, 1, 1),
        offset_base=(1 / 64,) * 3,
        offset_alternate=(1 / 64,) * 3,
        headroom_base=0,
        headroom_alternate=0,
    )
    base = np.random.default_rng(0).uniform(0, 1, (3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(apply_gain(base, np.ones_like(base), metadata), base, atol=1e-6)


@pytest.mark.parametrize(
    ("segment", "told"),
    [
        ((0xE1, xmp(ADOBE | {"BaseRenditionIsHDR": "True"})), "HDR already"),
        ((0xE1, xmp(ADOBE | {"Gamma": 0})), "gamma"),
        ((0xE1, xmp(ADOBE | {"GainMapMin": 3})), "smallest gain"),
        ((0xE1, xmp(ADOBE).replace(b"</rdf:RDF>", b"")), "no XML"),
        ((0xE2, iso(1 << 6 | 1 << 2)), "HDR already"),
        ((0xE2, iso(0)), "alternate picture"),
        ((0xE2, iso()[:-6]), "cut off"),
        ((0xE1, xmp({"Version": "1.0"})), "has no gain map"),
    ],
)
def test_refuses_maps_that_are_not_sound(tmp_path, segment, told):
    with pytest.raises(UserError, match=told):
        read_gain_map_photograph(photograph(tmp_path / "a.jpg", segment))


def test_refuses_cut_files_and_plain_pictures(tmp_path):
    whole = photograph(tmp_path / "a.jpg", (0xE1, xmp(ADOBE))).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    with pytest.raises(UserError, match="not there"):
        read_gain_map_photograph(tmp_path / "cut.jpg")
    (tmp_path / "plain.jpg").write_bytes(jpeg(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(UserError, match="has no gain map"):
        read_gain_map_photograph(tmp_path / "plain.jpg")


@pytest.mark.skipif("HDR_DIR" not in os.environ, reason="HDR_DIR names no folder of gain-map photographs")
def test_a_phone_s_photograph():
    path = Path(os.environ["HDR_DIR"], "gainmap", "pixel-02.jpg")
    photo = read_gain_map_photograph(path)
    assert photo.metadata.gain_max == (2.057993,) * 3
    assert photo.base_linear.shape == photo.gain_map.shape == (3, 3072, 4080)
    sdr, hdr_pq = pair_of(photo, (512, 512))
    light = apply_matrix(rgb_to_rgb(BT709, BT2020), np.asarray(srgb.eotf(sdr))) * 203
    assert np.quantile(pq.eotf(hdr_pq) - light, 0.01) > -15  # gains are not negative; BT.709 clips a little colour
    assert 600 < pq.eotf(hdr_pq).max() <= 1000
